"""
Evidence that is learned from a workspace's own data, for where no identifier agrees and no hand-set points fit.

``texts`` and ``levels`` say how alike two things are (amount, days, texts), in a few levels each. ``weights`` learns
what each level is worth, from all pairs that could be meant and without anybody's answers (Fellegi and Sunter 1969,
by expectation and maximisation). ``rivals`` weighs the candidates of everything against each other: each thing belongs
to one other at most. All of it counts in whole numbers, so that neither the order of rows nor the machine decides.

To add something to compare, give it levels, the most alike first, and say how many of all pairs have each.
"""
