"""Share client options and topics between both sides of Kafka."""
