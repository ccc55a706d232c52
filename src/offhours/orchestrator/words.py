"""The words by which a request is read: lists, so that they can be checked and added to."""

from __future__ import annotations

import re


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


SENTENCES = re.compile(r"(?<!e\.g\.)(?<!i\.e\.)(?<!\betc\.)(?<=[.!?;])\s+|\n+")

ARTICLE = _words(r"^(?:an?|the|its|their|his|her|some|our|my|also|both)\s+")

POLITE = _words(
    r"^(?:(?:please|kindly|then|also|finally|first|next|and|(?:could|can|would) you(?: please)?|"
    r"(?:i|we)(?:'d| would)? (?:need|want|like)(?: you)?(?: to have| to)?|let's|let us|"
    r"help (?:me|us)(?: to)?),?\s+)+"
)

_VERB = (
    r"(?:(?:develop|build|creat|writ|implement|mak|design|cod|program|produc|generat|prepar)e?|"
    r"set up|add)"
)
# "program" and its like are things, too, when something is said of them.
MAKE = _words(
    rf"^{_VERB}(?:(?:\s*,\s*|\s+and\s+){_VERB})*\s+(?:(?:me|us)\s+)?"
    r"(?!(?:that|which|with|for|to|in|and|or|of|it|sure|them|this)\b)(?=\S)"
)

# "It should …", "Users can …": what comes behind is done by what is made.
MUST = _words(
    r"^(?:(?:it|this|that|they|users?|people|one|you|the [\w-]+(?: [\w-]+)?)\s+"
    r"(?:should|must|can|will|may|shall|(?:has|have|needs?|ought) to)\s+(?:also\s+)?"
    r"|it\s+(?:also\s+)?(?=[a-z]+s\s))(?P<what>\S.*)$"
)

_NO_VERB = r"(?! (?:an?|the|its|their|our|my|this|that|each|every|all|any)\b)"
BEFORE_FEATURES = _words(
    r"\s*,?\s+(?:with|including|featuring|offering|supporting|providing|having|consisting of|"
    r"where \w+(?= (?:can|may|should|must)\b)|which|that|who|"
    rf"to{_NO_VERB}(?-i:(?= [a-z]+ )))"
    r"(?:\s+(?:also|can|may|should|must|will|has|have))*\s+|\s*:\s+"
)
BEFORE_THAT = _words(r"\b(?:which|that|who|to|where)\b")

# An "and" between these joins one thing.
BOUND = _words(
    r"\bbetween \S+ and \S+|\b(?:search and replace|find and replace|drag and drop|cut and paste|"
    r"copy and paste|read and write|trial and error|terms and conditions|black and white|"
    r"back and forth|sign up and sign in|point and click|command and control)\b"
)

USES = _words(
    r"\b(?:us(?:es?|ing)|based on|built on|on top of|depend(?:s|ing) on|from the|through the|"
    r"call(?:s|ing) the|read(?:s|ing) the|behind the|protected by|fed by|by means of|"
    r"driven by|stored in)\b"
)

_TEST = r"(?:(?:unit|integration|automated|full|good|acceptance|some|end-to-end)\s+)*"
PHASES = {
    "tests": _words(rf"^(?:{_TEST}tests?(?:ing| suite| coverage)?|test (?:it|everything)\b.*)$"),
    "docs": _words(
        r"^(?:(?:user|developer|api|full|good|some|short)\s+)*"
        r"(?:documentation|docs?|readme(?: file)?|manual|user guide)$|^document (?:it|everything)\b"
    ),
    "packaging": _words(
        r"^(?:packag(?:e|ing)(?: it\b.*)?|deploy(?:ment)?(?: (?:it|to|on|with)\b.*)?|"
        r"(?:docker )?(?:image|container)|installer|release(?: it\b.*)?|publish(?: it\b.*)?)$"
    ),
    "review": _words(r"^(?:(?:code|security)\s+)?reviews?$|^review (?:it|everything|the code)\b"),
}

_PHASE_WORDS = (
    r"(?:unit\s+|integration\s+|code\s+)?(?:tests?|testing|documentation|docs?|readme|manual|"
    r"packaging|package|deployment|reviews?)"
)
WITHOUT = _words(
    r"[,;]?\s*\b(?:but\s+)?(?:without|no|skip|leave out|there (?:is|are) no need for|"
    r"(?:we )?(?:do not|don't) (?:write|need|want))\s+(?:any\s+|the\s+)?"
    rf"(?P<what>{_PHASE_WORDS}(?:(?:\s*,\s*|\s*,?\s+(?:and|or)\s+)(?:no\s+)?{_PHASE_WORDS})*)"
    r"(?:\s+(?:is|are)?\s*(?:needed|required|necessary))?"
)

_NAMES = (
    r"Python(?: \d(?:\.\d+)?)?|JavaScript|TypeScript|Java|Kotlin|Golang|Rust|Ruby|PHP|Swift|Perl|"
    r"C\+\+|C\#|Bash|HTML|CSS|SQL|Flask|Django|FastAPI|React|Vue|Angular|Svelte|Node(?:\.?js)?|"
    r"SQLite|PostgreSQL|Postgres|MySQL|MariaDB|Redis|MongoDB|RabbitMQ|Celery|Docker|Kubernetes|"
    r"Tkinter|Qt|pandas|NumPy|GraphQL"
)
# Only where nothing else is named with it: "with SQLite", but not "with a SQLite database".
TECHNOLOGIES = _words(
    rf"[,;]?\s*\b(?:(?:written|implemented|coded|built|done)\s+)?(?:in|using|use|with|on)\s+"
    rf"(?P<names>(?:{_NAMES})(?:(?:\s*,\s*|\s*,?\s+and\s+)(?:{_NAMES}))*)"
    r"(?=\s*(?:$|[.,;:!?]|\b(?:and|that|which|with|to|for|but)\b))"
)

VAGUE = _words(
    r"\b(?:fast|quick(?:ly)?|scalable|secure|user[- ]friendly|intuitive|modern|simple|easy|robust|"
    r"flexible|efficient(?:ly)?|nice|good|reliable|appropriate|suitable|several|various|many|few|"
    r"some kind of|and so on|etc|as needed|if possible|maybe|perhaps|soon|large)\b"
)
