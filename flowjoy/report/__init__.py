"""The report as text and bytes, made from the results of the analyses."""
