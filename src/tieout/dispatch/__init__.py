"""
Sends what was approved exactly once and reads the answer: journals to ERPs, payments to banks.

One intent, one document set: a lost reply, a killed process or a retry ends with exactly one. An unknown outcome is
looked up before anything is sent again. Repeating (same key) and reposting (new approval) are different actions.

To add something that can be sent, add one table ``{(state, event): state}`` beside the fold that uses it, and let a
connector implement the protocol that carries it; the tests kill the process at every boundary.
"""
