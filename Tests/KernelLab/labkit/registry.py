"""Every scenario of the lab; adding one is one module and one line."""

from .plans import DRIVERS, PLANS

SCENARIOS = [DRIVERS, PLANS]
