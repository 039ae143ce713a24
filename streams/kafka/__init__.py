"""What both sides of Kafka need: client options and topics."""
