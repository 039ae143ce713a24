"""Confirmation, regulator reports, the Art. 33(5) register and yearly figures."""
