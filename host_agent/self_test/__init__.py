"""The terminals' self-tests as the PC and the city tell of them."""
