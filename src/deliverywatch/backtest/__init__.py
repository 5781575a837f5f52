"""The mailbox back-test: a template and a history -> the mails that would have been in the inbox.

Read `run` first: one template, one history, any number of what-ifs. Around it, in the order in which data flows:

    definitions   a template with overrides -> alarms, composites, mute rules, watches
    lake, past    the SMS lake, a file or CloudWatch -> datapoints, with the times from which alarms saw them
    mailbox       changes of state -> the notifier's own code -> mails
    account       what the notifier asks of CloudWatch, answered from the past
    measure       mails -> what an operator compares: mails a month, at night, minutes to the mail, incidents missed
    cases         a file of cases and a template -> what states and mails are not as expected
    document      the result as JSON has it -> `report`, with the charts of `charts`; `table` has its rows
"""
