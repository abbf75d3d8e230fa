"""The city's side of the product: takes events from the broker, opens and judges them, receipts them, hands them on."""
