"""The queries that Athena takes, in the notation that `parse` reads: the first alternative that fits counts.

Words in capitals and signs in quotes stand for themselves; `<name>`, `<text>` and `<number>` are tokens, `<any>` is any
one. `x % ','` is a list of x. It is the part of Trino's grammar (github.com/trinodb/trino, SqlBase.g4) that is about
queries, with what Athena adds before them (docs.aws.amazon.com/athena/latest/ug/udf-query-syntax.html). What stands in
the brackets of its rarest rules is not looked at.
"""

GRAMMAR = """
statement: (USING function % ',')? (WITH FUNCTION <name> '(' <any>* | query ';'? <end>)
function: EXTERNAL FUNCTION <name> '(' (field % ',')? ')' RETURNS type (LAMBDA | SAGEMAKER) <text>

query: (WITH RECURSIVE? named % ',')? united
named: <name> names? AS '(' query ')'
united: term ((UNION | INTERSECT | EXCEPT) (ALL | DISTINCT)? term)* order? (OFFSET count (ROW | ROWS)?)? limit?
term: SELECT select | VALUES expressions | TABLE qualified | '(' united ')'
select: (DISTINCT items | ALL items | items) (FROM relation % ',')? (WHERE expression)? grouped? having? windows?
having: HAVING expression
items: item % ','
item: '*' | expression ('.' '*' (AS names)? | alias?)
alias: AS <name> | !clause <name>
clause: windows | (OFFSET | LIMIT) count | LIMIT ALL | FETCH (FIRST | NEXT) | MATCH_RECOGNIZE '(' | sample
grouped: GROUP BY (DISTINCT groups | ALL groups | groups)
groups: group % ','
group: GROUPING SETS '(' set % ',' ')' | (ROLLUP | CUBE) '(' (set % ',')? ')' | set
set: '(' ')' | expression
order: ORDER BY sort % ','
sort: expression (ASC | DESC)? (NULLS (FIRST | LAST))?
limit: LIMIT (ALL | count) | FETCH (FIRST | NEXT) count? (ROW | ROWS) (ONLY | WITH TIES)
count: <number> | '?'
windows: WINDOW (<name> AS '(' window ')') % ','

relation: sampled (CROSS JOIN sampled | NATURAL join sampled | join relation (ON expression | USING names))*
join: (INNER | (LEFT | RIGHT | FULL) OUTER?)? JOIN
sampled: table (MATCH_RECOGNIZE balanced)? (alias names?)? sample?
sample: TABLESAMPLE (BERNOULLI | SYSTEM) '(' expression ')'
table: UNNEST '(' expressions ')' (WITH ORDINALITY)? | LATERAL '(' query ')' | (TABLE | JSON_TABLE) balanced
    | '(' query ')' | '(' relation ')' | qualified (FOR (TIMESTAMP | VERSION) AS OF value)?

expressions: expression % ','
expression: NOT* predicate ((AND | OR) NOT* predicate)*
predicate: value (comparison compared | IS NOT? (NULL | DISTINCT FROM value) | NOT? range)?
comparison: '=' | '<>' | '!=' | '<' | '<=' | '>' | '>='
compared: (ALL | ANY | SOME) '(' query ')' | value
range: BETWEEN value AND value | LIKE value (ESCAPE value)? | IN '(' (query | expressions) ')'
value: part (('+' | '-' | '*' | '/' | '%' | '||') part)*
part: ('+' | '-')* primary (AT TIME ZONE (interval | <text>))*
primary: operand ('[' value ']' | '.' <name>)*
operand: <number> | '?' | <text> (UESCAPE <text>)? | interval | brackets | constant | special | call | typed | <name>
interval: INTERVAL ('+' | '-')? <text> unit (TO unit)?
unit: YEAR | MONTH | DAY | HOUR | MINUTE | SECOND
brackets: '(' (<name> % ',')? ')' '->' expression | '(' query ')' | '(' expressions ')'
constant: NULL | TRUE | FALSE | CURRENT_DATE | CURRENT_USER | CURRENT_CATALOG | CURRENT_SCHEMA | CURRENT_PATH
    | (CURRENT_TIME | CURRENT_TIMESTAMP | LOCALTIME | LOCALTIMESTAMP) ('(' <number> ')')?
special: CASE expression? when when* (ELSE expression)? END | ARRAY '[' expressions? ']' | EXISTS '(' query ')'
    | (CAST | TRY_CAST) '(' expression AS type ')' | EXTRACT '(' <name> FROM value ')' | TRIM '(' trimmed ')'
    | SUBSTRING '(' value FROM value (FOR value)? ')' | POSITION '(' value IN value ')'
    | NORMALIZE '(' value (',' (NFD | NFC | NFKD | NFKC))? ')' | GROUPING '(' (qualified % ',')? ')'
    | LISTAGG '(' (DISTINCT | ALL)? expression (',' <text>)? overflow? ')' WITHIN GROUP '(' order ')' filter? over?
    | JSON_EXISTS '(' path ((TRUE | FALSE | UNKNOWN | ERROR) ON ERROR)? ')'
    | JSON_VALUE '(' path (RETURNING type)? (otherwise ON EMPTY)? (otherwise ON ERROR)? ')'
    | JSON_QUERY '(' path returning? wrapped? quoted? (instead ON EMPTY)? (instead ON ERROR)? ')'
    | JSON_OBJECT '(' (member % ',' nulls? ((WITH | WITHOUT) UNIQUE KEYS?)?)? returning? ')'
    | JSON_ARRAY '(' (returning? ')' | json % ',' nulls? returning? ')')
overflow: ON OVERFLOW (ERROR | TRUNCATE <text>? (WITH | WITHOUT) COUNT)
json: expression format?
format: FORMAT JSON (ENCODING <name>)?
path: json ',' <text> (AS <name>)? (PASSING (json AS <name>) % ',')?
returning: RETURNING type format?
otherwise: ERROR | NULL | DEFAULT expression
instead: ERROR | NULL | EMPTY (ARRAY | OBJECT)
wrapped: (WITHOUT ARRAY? | WITH (CONDITIONAL | UNCONDITIONAL)? ARRAY?) WRAPPER
quoted: (KEEP | OMIT) QUOTES (ON SCALAR STRING)?
member: KEY expression VALUE json | expression (VALUE | ':') json
nulls: (NULL | ABSENT) ON NULL
when: WHEN expression THEN expression
trimmed: (LEADING | TRAILING | BOTH) value? FROM value | value FROM value | value (',' value)?
typed: DOUBLE PRECISION <text> | !INTERVAL <name> <text> | <name> '->' expression
call: qualified '(' arguments? ')' filter? (((IGNORE | RESPECT) NULLS)? over)?
arguments: '*' | <name> '.' '*' | (DISTINCT | ALL)? expressions order?
filter: FILTER '(' WHERE expression ')'
over: OVER (<name> | '(' window ')')
window: (!begin <name>)? (PARTITION BY expressions)? order? frame?
begin: PARTITION BY | (ROWS | RANGE | GROUPS) (BETWEEN | bound) | MEASURES
frame: (ROWS | RANGE | GROUPS) (BETWEEN bound AND bound | bound) | MEASURES rest
bound: CURRENT ROW | UNBOUNDED (PRECEDING | FOLLOWING) | value (PRECEDING | FOLLOWING)

type: base ARRAY*
base: DOUBLE PRECISION | INTERVAL unit TO unit | time | <name> ('(' parameter % ',' ')' | '<' type % ',' '>')?
time: (TIME | TIMESTAMP) ('(' <number> ')')? ((WITH | WITHOUT) TIME ZONE)?
parameter: <number> | field | type
field: <name> type

names: '(' <name> % ',' ')'
qualified: <name> ('.' <name>)*
balanced: '(' rest ')'
rest: (balanced | !')' <any>)*
"""
