"""A deployed stack -> what its operator asks of it or does to it.

Read `deployment` first: it says which stack a verb works on. Each verb is a flow of its own with the ports it needs;
`aws` connects to the account, and an `aws_<flow>` beside it adapts what one flow asks of AWS. Only `digest` is also
shipped to Lambda.
"""
