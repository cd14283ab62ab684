"""
Work that survives a crash: workflows, steps, queues, schedules, heartbeat and reaper.

One durable workflow per delivery, run, exception, approval, posting, payment order and schedule. The engine beneath
is used in this folder only.

To add a workflow, write its steps as functions that may run twice with the same outcome, name it, give its queue a
limit, and add it to the test that kills the process between any two steps.
"""
