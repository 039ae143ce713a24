"""Split text to tokens: headers, pairs, stamps, addresses. Tokenizers know formats, not vendors'
meanings."""
