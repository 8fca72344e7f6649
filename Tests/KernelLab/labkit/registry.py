"""Every scenario of the lab; adding one is one module and one line."""

from .disturbances import FAULTS, INJECTION, SIGNALS
from .dryrun import DryRun
from .layouts import Layouts
from .modes import Modes
from .plans import DRIVERS, PLANS
from .refusals import Refusals

SCENARIOS = [DRIVERS, Modes(), SIGNALS, FAULTS, PLANS, DryRun(), Refusals(), Layouts(), INJECTION]
