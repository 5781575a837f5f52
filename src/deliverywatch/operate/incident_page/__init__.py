"""The page behind a signed link: it shows an incident, and one form to acknowledge it or to mute it for an hour.

In: a request of a Lambda function URL. Out: an answer, and after a POST with a name a line in the incident's record.
Read `contents` first: it says what is shown; `operate.acknowledge` is the flow. `request` reads what arrives, `page`
writes what is shown, `budget` limits how often, and `aws` makes the mute rule.
"""
