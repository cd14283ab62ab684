"""
From a rule to the steps that perform it: named relations over two sides, built from set operators for any engine.

``plan.py`` lists the steps, ``operators.py`` has what they are made of.
To add an operator, describe it there, and hold it against the slow reference of the tests on every backend.
"""
