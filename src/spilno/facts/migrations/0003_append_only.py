"""Facts and observations are only ever added: the database itself refuses anything else.

A whole workspace can still be removed, and personal data erased, by code that says so in its own transaction:
``SET LOCAL spilno.erase = 'on'``.
"""

from django.db import migrations

FUNCTION = """
CREATE FUNCTION facts_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('spilno.erase', true) = 'on' THEN
        IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% is append-only: write a correction', TG_TABLE_NAME;
END $$;
CREATE TRIGGER fact_append_only BEFORE UPDATE OR DELETE ON facts_fact
    FOR EACH ROW EXECUTE FUNCTION facts_refuse_change();
CREATE TRIGGER observation_append_only BEFORE UPDATE OR DELETE ON facts_observation
    FOR EACH ROW EXECUTE FUNCTION facts_refuse_change();
"""

UNDO = """
DROP TRIGGER fact_append_only ON facts_fact;
DROP TRIGGER observation_append_only ON facts_observation;
DROP FUNCTION facts_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("facts", "0002_initial")]
    operations = [migrations.RunSQL(FUNCTION, UNDO)]
