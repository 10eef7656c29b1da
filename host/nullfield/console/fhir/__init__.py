"""An examination as FHIR R4 resources: plain dictionaries from plain facts, no web, no database."""
