"""One evaluation of an alarm: datapoints visible at a moment -> a state, with CloudWatch's reason for it.

In: an alarm, a store of datapoints, and the time. Out: a verdict, its words, and the message that SNS would carry.
Read `evaluate` first, then `verdict` and `windows`.
"""
