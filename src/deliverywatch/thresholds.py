"""Every number that an operator may turn, with its unit in the name and its reason beside it.

These are the defaults of the template's parameters: to tune one deployment, change a parameter of its stack.
"""

# The window of the failure alarms. 30 minutes is the product's promise ("over 3 % in 30 minutes").
WINDOW_SECONDS = 1800
# What an account may choose instead: whole slots of 10 minutes. Less is a single slot; after two hours it is no news.
WINDOW_MINUTES_OFFERED = (20, 30, 60, 120)

# How often ClickSend is read, and the counts' resolution. 10 minutes make 4,380 runs a month; 1, 2 and 5 work too.
SLOT_MINUTES = 10

# A slot's counts are stamped this long after its end, so that every 30-minute window holds whole, published slots:
# stamped inside the slot, a simulated month had 139 mails instead of 97.
STAMP_DELAY_SECONDS = 120

# Failed share of all messages that opens a warning and a critical incident.
WARNING_PERCENT = 3
CRITICAL_PERCENT = 25

# An open incident stays open (or critical) above these: a rate hovering at 3 % must not open and resolve all day.
WARNING_RECOVERY_PERCENT = 2
CRITICAL_RECOVERY_PERCENT = 15

# Below this volume a share means nothing: of 15 messages, one failure is 6.7 %.
MINIMUM_TOTAL_COUNT = 10
MINIMUM_FAILED_COUNT = 3

# Quiet hours and small accounts never fill 30 minutes: there the newest messages are judged, as many as the guard asks
# for, by a higher share.
TRICKLE_PERCENT = 25

# Three failures in a row are no accident where one in twenty fails, and a small account must not wait for ten.
OUTAGE_PERCENT = 90
OUTAGE_MINIMUM_FAILED_COUNT = 3
OUTAGE_WINDOW_SECONDS = 90 * 60

# How far thin traffic is read back for enough messages to judge by.
ASSESSED_HOURS = 24

# Without a message, or other evidence, for so long an open incident is quiet, which is mailed once: what failed last
# may be fixed, or nobody may be sending.
QUIET_MINUTES = 60

# Of the messages sent 5 to 20 minutes ago, the share still without an outcome, in points above what is usual for the
# account. ClickSend says most arrive within seconds; GOV.UK Notify calls 10 % slower than 5 minutes a problem.
OVERDUE_PERCENT = 10
OVERDUE_FROM_MINUTES = 5
OVERDUE_TO_MINUTES = 20

# Where so few were sent, older ones are looked at too, up to some hours back. Five of five that are late are no
# accident; ten without a late one are enough to be healthy; in between a share of less than 20 messages says nothing.
OVERDUE_MINIMUM_COUNT = 20
OVERDUE_ALL_LATE_COUNT = 5
OVERDUE_NONE_LATE_COUNT = 10
OVERDUE_HOURS = 6

# A real account never heard of one message in twenty: below this, and what chance adds, a share is not conspicuous.
OVERDUE_NOISE_PERCENT = 5

# A status that no rule covers says neither that a message arrives nor that it fails: over this share of the SMS of some
# hours somebody has to look. Below the counts one odd message would be a share.
UNKNOWN_PERCENT = 3
UNKNOWN_MINIMUM_COUNT = 3
UNKNOWN_SEEN_COUNT = 20
UNKNOWN_HOURS = 3

# What is usual is learned of so many days, and counts as 0 until these few are known.
OVERDUE_USUAL_DAYS = 28
OVERDUE_LEARNING_DAYS = 3

# Credit that ends sooner is warned of. A mail shall come 48 hours before the end: one hour goes by until the next
# reading, and 23 are for growth, as the last day lags behind it (twice the pace in three days still leaves 48).
CREDIT_WARNING_HOURS = 72
# There is time for a top-up by hand, and hardly for asking who may.
CREDIT_CRITICAL_HOURS = 6
# A warning ends when the credit lasts this many times as long as what opened it, or a quiet week-end would end it.
CREDIT_RECOVERY_FACTOR = 2
# A refusal for credit that is older is no news, once something was sent since.
CREDIT_REFUSED_HOURS = 3
# ClickSend allows about 20 requests for the account a minute; an hour is what the runway needs.
CREDIT_READ_MINUTES = 60
# Older balances prove nothing, and a day without any is mailed as blind.
CREDIT_STALE_HOURS = 3
CREDIT_BLIND_HOURS = 24
# Before so many hours of a day are known the pace may be that of a busy morning: nothing but the last hours is mailed.
CREDIT_LEARNING_HOURS = 20
# Two weeks, to see whether this one is busier than the one before, and a day of slack.
CREDIT_KEPT_DAYS = 15

# Of what is usual for the 30 minutes, sent less than this is silence: one system of several may still send a message or
# two. More than the second share resolves it.
SILENCE_PERCENT = 2
SILENCE_RECOVERY_PERCENT = 20

# What is usual is the median of the same local hours of four weeks. Two of a weekday are the least to say anything by.
SILENCE_WEEKS = 4
SILENCE_LEARNING_WEEKS = 2

# Accounts that send less on a busy day are too small: in their 30 minutes nothing is no surprise.
SILENCE_MINIMUM_DAILY_COUNT = 200

# Silence is judged only where nothing in 30 minutes is as unlikely as this by chance. An account has some 1,300 such
# half hours in the business days of a quarter, and few are near the limit.
SILENCE_CHANCE = 0.0001

# Expected of 30 minutes, fewer are never judged: nine are as unlikely to stay out as the chance above.
SILENCE_MINIMUM_EXPECTED_COUNT = 10

# A lost record of volumes is counted again in the lake: so many days a run, and only if so much time is left. A day is
# up to 25 objects, so that four weeks take less than an hour and no run takes noticeably longer.
VOLUME_DAYS_A_RUN = 7
VOLUME_LEAST_SECONDS = 120

# `backtest`: from less than a week nothing is said of a month, because it lacks days and nights that a month has. A
# setting is recommended only where so much of the history has data: a gap may be an incident that nobody saw.
BACKTEST_LEAST_DAYS = 7
BACKTEST_LEAST_COVERAGE_PERCENT = 90
# A team reads two mails a week with care, and one of them may wake somebody; night is the readers'.
BACKTEST_MAILS_A_WEEK = 2
BACKTEST_NIGHT_MAILS_A_WEEK = 1
NIGHT_FROM_HOUR, NIGHT_TO_HOUR = 22, 6
# What a recommendation tries for the guard, beside today's: more failures tell more than more messages.
BACKTEST_MINIMUM_TOTALS = (10, 20, 50, 100)
BACKTEST_MINIMUM_FAILURES = (3, 5, 10, 20)
# What is usual of an account is learned of so many days around each slot. What lasts longer is a change of the usual,
# unless its share is so high that nobody gets used to it.
BACKTEST_USUAL_DAYS = 28
BACKTEST_NEW_USUAL_DAYS = 14
BACKTEST_NEVER_USUAL_PERCENT = 25
# A time is an incident if a run of chance as long as the history shows one like it in one of ten histories, and if its
# share lies so many points above the usual one: less is nothing that anybody would act on.
BACKTEST_CHANCE = 0.1
BACKTEST_INCIDENT_POINTS = 2

# The checks of doctor run every night; half a day later than that they did not.
DOCTOR_LATE_HOURS = 36

# CloudFormation needs minutes to compare a large stack with its template, and a person waits for `doctor`.
DRIFT_WAIT_SECONDS = 180

# The notifier checks open incidents this often, some minutes after each slot: a message may have been lost.
SWEEP_MINUTES = 10
SWEEP_FROM_MINUTE = 5

# What a system's data prove holds this long: three runs of ten minutes. Then it is as if nothing had been seen.
ASSESSMENT_FRESH_MINUTES = 30

# How far before an incident its review replays: the mails of a usual week are the price of a faster setting.
REVIEW_REPLAYED_DAYS = 7

# A day after the mail that an incident is quiet it is closed as unknown: by then somebody has looked.
CLOSE_UNKNOWN_HOURS = 24

# An open incident is recalled once a day, counted from its last mail; 0 is never.
REMINDER_HOURS = 24

# A notice that says it is from later than this after its receipt comes from a clock that is wrong.
FUTURE_MINUTES = 5

# A receipt may take up to 72 hours; after that a temporary failure (300, 302) is a failure.
SETTLE_HOURS = 72

# An hour of which not all announced rows came is read again this often, once an hour, beside the seven readings that
# every hour gets anyway: what ClickSend announces and never sends must not be asked for all day.
INCOMPLETE_REREADS_COUNT = 3

# A message that was read so soon after it was sent was waited for: the run that first saw its outcome tells, up to one
# slot, how long that took. Of one that a back-fill found, or a run after an outage, nobody knows.
FIRST_READ_MINUTES = 2 * SLOT_MINUTES

# Every run reads the last hour again, because outcomes arrive late.
REREAD_MINUTES = 60

# CloudWatch shows points older than 3 hours late, and those older than a day up to 2 days late: only the lake has them.
EMIT_HOURS = 24

# ClickSend keeps four months of history.
HISTORY_DAYS = 120

# Larger days are not merged into one object: merging holds it three times in the function's 512 MB, and 24 objects of
# 4 MB each are no burden to a query. 100 MB are three million messages a day.
COMPACT_MOST_BYTES = 100_000_000

# What was replaced or deleted in the lake can be restored for a week; every run rewrites its hours, so that older
# versions would outgrow the history itself.
OLD_VERSION_DAYS = 7

# Athena refuses a query that would read more; 100 MB cost 0.0005 USD.
ATHENA_SCAN_LIMIT_MEGABYTES = 100
ATHENA_RESULT_DAYS = 14

# By default CloudWatch Logs keeps everything for ever, at a price.
LOG_RETENTION_DAYS = 30

# Items of files are kept for ever (0): the table is the customer's record of what arrived.
FILE_ITEM_DAYS = 0

# A removed file is remembered this long from when its removal was processed: longer than the 4 days that a message
# waits in the queue and the 14 days that it waits among the dead letters. Of what is older, S3 is asked.
FILE_TOMBSTONE_DAYS = 30

# Limits for a run, each a parameter per pipeline. An hour is four times what the reference pipeline takes.
PIPELINE_DURATION_SECONDS = 3600

# A run is slow when it has ended, and hangs while it runs: twice the time of a slow one, so that one is not the other.
PIPELINE_HUNG_SECONDS = 2 * PIPELINE_DURATION_SECONDS

# How often the running executions are looked at: a run that hangs is mailed so much later at most.
PIPELINE_MEASURE_MINUTES = 10

# The reference runs every 6 hours; one hour more, so that a late start does not count as a missed one.
PIPELINE_MISSED_RUN_HOURS = 7

# Two such runs, and one hour more: one that failed is mailed with its cause, and the next one may be well again.
PIPELINE_NO_SUCCESS_HOURS = 13

# The clocks of dbt and of Step Functions may differ, and a file is written after its time; runs are hours apart.
PIPELINE_CLOCK_TOLERANCE_SECONDS = 300

# Shares of rows and keys, not of checks: with four checks, one failure would mean 75 %, however small it is.
PIPELINE_QUALITY_PERCENT = 95
PIPELINE_INTEGRITY_PERCENT = 98

# A run with fewer rows than this has most likely read the wrong folder.
PIPELINE_MINIMUM_RECORDS_COUNT = 100

# A day: most histories are written once a day, and so long a change of the source may wait for the next time.
PIPELINE_SOURCE_DELAY_HOURS = 24

# Athena stops a check that would read more; 10 GB cost 0.05 USD, and a check reads its table once.
PIPELINE_SCAN_LIMIT_MEGABYTES = 10_000

# Age of the source's newest change when a run validates it, not the time since the last run: that would flap.
PIPELINE_STALE_HOURS = 6

# Bounces and complaints as SES judges a sender: at 5 % and 0.1 % the account comes under review, at 10 % and 0.5 %
# sending may be paused (docs.aws.amazon.com/ses/latest/dg/reputationdashboardmessages.html).
EMAIL_BOUNCE_WARNING_PERCENT = 5
EMAIL_BOUNCE_CRITICAL_PERCENT = 10
EMAIL_COMPLAINT_WARNING_PERCENT = 0.1
EMAIL_COMPLAINT_CRITICAL_PERCENT = 0.5

# An open incident stays open above these: a rate that hovers at its threshold must not open and resolve all day.
EMAIL_BOUNCE_RECOVERY_PERCENT = 4
EMAIL_COMPLAINT_RECOVERY_PERCENT = 0.08

# Mails that were sent within so long are judged together, unless a pause shows that they were not one sending. Bounces
# follow within the hour; complaints come when people read it, up to days later.
EMAIL_BOUNCE_WINDOW_SECONDS = 6 * 3600
EMAIL_COMPLAINT_WINDOW_SECONDS = 24 * 3600
EMAIL_BOUNCE_PAUSE_SECONDS = 3600
EMAIL_COMPLAINT_PAUSE_SECONDS = 6 * 3600

# What was sent is judged for so long: some servers take a mail and return it days later, and some people read late. A
# stream that sends less than the minimum in a window is judged by its mails of up to a day, or of a week.
EMAIL_BOUNCE_LATE_DAYS = 3
EMAIL_COMPLAINT_LATE_DAYS = 7
EMAIL_BOUNCE_THIN_HOURS = 24
EMAIL_COMPLAINT_THIN_HOURS = 7 * 24

# Mails that nobody complains about prove something once people have had this long to read them.
EMAIL_COMPLAINT_SETTLE_HOURS = 12

# With more mails than this that have no outcome, a cohort is not proven to be over.
EMAIL_PENDING_PERCENT = 5

# A provider is slow if more than this share of what it got, and so many mails, wait half an hour later: many put
# unknown senders off for some minutes. SES tries again for 14 hours.
EMAIL_DELAY_WARNING_PERCENT = 20
EMAIL_DELAY_RECOVERY_PERCENT = 10
EMAIL_MINIMUM_DELAYED_COUNT = 10
EMAIL_DELAY_HOURS = 24
EMAIL_DELAY_SETTLE_MINUTES = 30
EMAIL_DELAY_WINDOW_SECONDS = 3 * 3600

# Below these a share means nothing: one complaint of 500 mails is 0.2 %. The first is for receiving domains as well.
EMAIL_MINIMUM_SENT_COUNT = 100
EMAIL_MINIMUM_BOUNCED_COUNT = 5
EMAIL_MINIMUM_COMPLAINED_COUNT = 2

# Of the mails that SES says it sent, over this share in percent and at least so many have no Send event: the wiring
# is broken, as SES reports events within seconds. One event may be lost on its way, or be counted a minute later.
EMAIL_MISSING_PERCENT = 20
EMAIL_MISSING_COUNT = 3

# So many minutes of an hour say so before it is believed: SES, Firehose's minute and the transform take three.
EMAIL_SILENCE_MINUTES = 20
# The same over a day, for streams that send less than this: in one of more, an hour has enough mails to tell.
EMAIL_SMALL_DAY_COUNT = 100

# Firehose buffers events for 15 minutes; older ones than this are stuck.
EMAIL_FRESHNESS_SECONDS = 3600

# With conversion Firehose allows 64 to 128 MB and at most 900 s. The longest wait makes the fewest and largest objects:
# at 2,000 events a day, 60 s would make a thousand objects, ten times as large as the raw JSON.
EMAIL_BUFFER_SECONDS = 900
EMAIL_BUFFER_MEGABYTES = 128

# How long events are kept. Below 128 KB an object, Standard-IA would cost more than it saves, hence 0: never.
EMAIL_RETENTION_DAYS = 730
EMAIL_STANDARD_IA_DAYS = 0

# What could not land is kept this long for somebody to look at it and replay it.
EMAIL_ERROR_DAYS = 180

# SES reviews accounts from these on: docs.aws.amazon.com/ses/latest/dg/reputationdashboardmessages.html.
SES_REVIEW_PERCENT = {"bounces": 5.0, "complaints": 0.1}
# Of those limits: at two fifths there are days to act, at four fifths a campaign.
EMAIL_REPUTATION_WARNING_PERCENT = 40
EMAIL_REPUTATION_CRITICAL_PERCENT = 80

# A month of all that the stack's tag is on; a mail is sent when 80 % of it is spent, or more than all is forecast.
EMAIL_BUDGET_DOLLARS = 20

# Ten times what a batch of 1,000 takes; six times it must pass before a message of a killed run is delivered again.
FILE_TIMEOUT_SECONDS = 30

# Lambda's own default; the most messages that a killed run repeats.
FILE_BATCH_COUNT = 10

# A link of a mail acknowledges or mutes for so long: a night and a morning. Each mail has links of its own, and one
# that lies in a mailbox for good must be worth nothing.
LINK_HOURS = 24

# A mute by a link holds mails back for so long: enough to look, too short to be forgotten.
MUTE_LINK_MINUTES = 60

# One incident's page is opened by a few people and some scanners; whoever opens it more often gets nothing of AWS's.
PAGE_REQUESTS_PER_MINUTE = 30

# So many requests are answered at a time, which is what a flood of them can cost at most: 2 x 256 MB of Lambda.
PAGE_CONCURRENCY = 2

# One bad file, or a handful from one sender, is a warning; if more files than this fail, processing itself does.
FILE_GROWTH_COUNT = 10

# SQS leaves a message out of the age of the oldest once it was received three times, 9 minutes with our timeouts: what
# waits longer than this is not one poison message but a queue that nobody empties.
FILE_STALLED_MINUTES = 15

# One message that fails five times shows in the queue of dead letters; more errors than this are not a single message.
FILE_ERROR_COUNT = 10

# The pusher forwards files of any size.
FILE_MAXIMUM_MEGABYTES = 0

# What a channel beside mail may take of an invocation, which has a minute and mails first: one slow answer.
CHANNEL_ANSWER_SECONDS = 10
CHANNEL_SECONDS = 12

# A message that a chat could not take for so long is no news there; the mail came at once.
CHANNEL_GIVE_UP_HOURS = 24

# The most query schedules that one change of their file may delete, as a number and as a share: a file that was cut in
# half must not delete half of the schedules.
QUERIES_DELETE_COUNT = 20
QUERIES_DELETE_PERCENT = 30

# Athena bills what a query reads, at least 10 MB (aws.amazon.com/athena/pricing, us-east-1).
ATHENA_USD_PER_TERABYTE = 5.0
ATHENA_LEAST_BYTES = 10_000_000

# A query that runs longer is stopped: it would cost more and more, and the function ends at 900 seconds.
QUERIES_TIMEOUT_SECONDS = 600

# A query that takes longer is slow, a day of queries that costs more is expensive: somebody should look into both.
QUERIES_SLOW_SECONDS = 300
QUERIES_DEAR_USD = 1

# So many failed runs within an hour are not one broken query but a shared cause.
QUERIES_FAILED_COUNT = 5

# One NULL or empty result may be an hour without data; in so many runs in a row it is a condition that watches nothing.
QUERIES_UNMEASURED_RUNS = 3

# A change of the file takes effect within this time. Each round calls Scheduler once per schedule.
QUERIES_RECONCILE_MINUTES = 5

# A larger result of dbt is not read, but named: its 256 MB hold it about five times while a function reads it.
PIPELINE_RESULTS_MEGABYTES = 30

# A failure that shows only after so long was hidden by its retries.
PIPELINE_LINT_RETRY_SECONDS = 3600
