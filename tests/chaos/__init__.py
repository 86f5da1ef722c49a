"""Publishing under kill −9 and faults of the networks, counted on the networks' side: ``make chaos``."""
