"""`cwalarm <verb>`: the command line of the engine, a module per verb.

In: a template, and a file of cases or of datapoints. Out: words or JSON on stdout; everything else goes to stderr.
Read `main` first, then `terminal` for what the verbs share.
"""
