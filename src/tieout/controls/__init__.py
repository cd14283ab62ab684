"""
Who may do what, and the proof that they did: roles, policies, approvals, tolerances, masking, secrets, audit log.

Nobody approves what they made or edited; what matters is in the audit log, in the transaction of the change itself.
When a policy cannot be read, the answer is no.

To add a right, name it in the schema of policies, let one shipped policy grant it, and test both that it is granted
and that everybody else is refused. To add a kind of approval, say what its digest covers: exactly what was seen.
"""
