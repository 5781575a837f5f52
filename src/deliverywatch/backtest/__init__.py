"""The mailbox back-test: a template and a history -> the mails that would have been in the inbox.

Read `compare` first: one template, one history, any number of what-ifs. The flows beside it, and what they work with:

    simulate   changes of state -> the notifier's own code -> mails
    recommend  a history -> the smallest setting that misses nothing and does not mail too often
    search     settings, replayed from the smallest on; `explain` says why the chosen one is no smaller
    faster     a deployed stack's incident -> when two other settings would have mailed it
    curve      one alarm's threshold, turned from low to high -> mails a month
    cases      a file of cases and a template -> what states and mails are not as expected
    aws        the CloudWatch of the environment's credentials
    inputs     definitions with overrides, the history, and what the notifier asks of AWS, answered from the history
    tuning     what a recommendation rests on: coverage, incidents, the settings to try
    results    mails, incidents and headline numbers as values
    report     a result -> JSON, the rows of a table, a page with charts
"""
