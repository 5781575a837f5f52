"""What the lake proves about a watch of SMS: healthy, failing, too little to tell, or blind.

In: counts of slots and other values of a run. Out: an `Assessment` (`messages.verdict`), by pure functions.
Read `failures` first: it judges the shares of failed messages, also where traffic is thin. `credit` rests on `balances`
and on `runway`, how long they last; `silence` on `usual_volume`.
"""
