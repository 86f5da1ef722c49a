"""Emptying a whole table is refused as well: row triggers do not see it."""

from django.db import migrations

MAKE = """
CREATE TRIGGER fact_no_truncate BEFORE TRUNCATE ON facts_fact
    FOR EACH STATEMENT EXECUTE FUNCTION facts_refuse_change();
CREATE TRIGGER observation_no_truncate BEFORE TRUNCATE ON facts_observation
    FOR EACH STATEMENT EXECUTE FUNCTION facts_refuse_change();
"""

UNDO = """
DROP TRIGGER fact_no_truncate ON facts_fact;
DROP TRIGGER observation_no_truncate ON facts_observation;
"""


class Migration(migrations.Migration):
    dependencies = [("facts", "0003_append_only")]
    operations = [migrations.RunSQL(MAKE, UNDO)]
