"""The plan as a table: in from CSV and XLSX, out to the same."""
