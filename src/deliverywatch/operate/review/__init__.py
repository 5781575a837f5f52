"""What a team would write after an incident, from records only.

In: the incident's record, mails, alarms and mutes, and the lake. Out: Markdown, and the chart beside it as SVG.
Read `document` first, then `impact`.
"""
