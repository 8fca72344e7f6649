"""Every scenario of the lab; adding one is one module and one line."""

from .companions import Companions
from .conform import Conform
from .disturbances import FAULTS, INJECTION, SIGNALS
from .dry_run import DryRun
from .groupings import Groupings, Tables
from .handover import Handover
from .host_facts import HostFacts
from .layouts import Layouts
from .modes import Modes
from .others import Others
from .plans import DRIVERS, PLANS
from .refusals import Refusals
from .relations import Relations
from .speed import Speed
from .use import Use
from .vmm import VMM

SCENARIOS = [
    DRIVERS, Modes(), Use(), Relations(), Handover(), VMM(), Companions(), SIGNALS, FAULTS, PLANS,
    Groupings(), DryRun(), Speed(), Refusals(), Tables(), Others(), Layouts(), HostFacts(), Conform(),
    INJECTION,
]
