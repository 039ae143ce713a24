"""The only wiring: settings are read, the clock is made, ports meet their adapters."""
