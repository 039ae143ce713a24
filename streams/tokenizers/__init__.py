"""Text to tokens: headers, pairs, stamps, addresses. They know formats, not vendors' meanings."""
