"""What is refused when a template is built: alarms that can never call, delivery streams that AWS would refuse.

In: a built template. Out: sentences, none where all is well.
Read `lint` first.
"""
