"""
Folds the events of one payment, in any order, into the state it is in now.

Any permutation, repetition or delay of the same events gives the same state; an impossible transition is an exception
with its evidence, never a silent overwrite.

To add a state or an event, add its lines to the table ``{(state, event): state}`` beside the fold; the property test
shuffles and repeats events by itself.
"""
