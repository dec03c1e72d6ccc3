"""The words of trading as frozen values; standard library only, no clock, no files, no network."""
