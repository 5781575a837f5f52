"""What is wrong with the alarms of a template, though CloudFormation takes it and CloudWatch never says so.

In: a template and values of its parameters. Out: answers and findings of each alarm, as text, JSON, JUnit or SARIF.
Read `lint` first, then `rules`, which has every rule with its reason.
"""
