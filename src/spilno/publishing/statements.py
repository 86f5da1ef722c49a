"""The statements of the ledger. Each moves, claims or notes any number of deliveries."""

from __future__ import annotations

# Many rows at a time go as one parameter, a JSON array of objects, which PostgreSQL reads as the table ``w``.

MOVE = """UPDATE publishing_delivery AS d
 SET state = w.target, lease_by = '', lease_until = NULL, next_try_at = w.next_try_at, updated_at = %(now)s,
   error_code = w.code, error_params = w.params, prepared = w.prepared, prepared_expires_at = w.prepared_expires_at,
   prepared_for = w.prepared_for, first_commit_at = w.first_commit_at, reminded_at = w.reminded_at
 FROM json_to_recordset(%(rows)s) AS w(id uuid, state text, due_at timestamptz, updated_at timestamptz, target text,
   next_try_at timestamptz, code text, params jsonb, prepared jsonb, prepared_expires_at timestamptz,
   prepared_for text, first_commit_at timestamptz, reminded_at timestamptz)
 WHERE d.id = w.id AND d.state = w.state AND d.due_at = w.due_at AND d.updated_at = w.updated_at
   AND (d.lease_until IS NULL OR d.lease_until <= %(now)s)
 RETURNING d.id"""

# Items by id and version, locked so that an edit comes before the claim (and is seen) or after it (and is refused).
# Shared: two posts of one item may leave at once. Whoever edits right now keeps the item; we come back.
ITEMS_AS_READ = """SELECT i.id FROM plan_item i
 JOIN json_to_recordset(%s) AS w(id uuid, version int) ON i.id = w.id AND i.version = w.version
 WHERE i.deleted_at IS NULL AND NOT i.reserve FOR SHARE OF i SKIP LOCKED"""

# What shall leave the same channel in the same second, but before (by the variant's position), stands in the way of
# what leaves; its states are those of the index delivery_ahead, in which nothing of the past stands. This looks at
# other rows: it is not asked again of a row that had to be waited for, but here the rows are locked already.
CLAIM = """UPDATE publishing_delivery AS d
 SET state = w.target, lease_by = w.lease, lease_until = %(until)s, next_try_at = %(until)s, updated_at = %(now)s,
   prepared = w.prepared, prepared_expires_at = w.prepared_expires_at, prepared_for = w.prepared_for,
   first_commit_at = w.first_commit_at, reminded_at = w.reminded_at
 FROM json_to_recordset(%(rows)s) AS w(id uuid, state text, due_at timestamptz, updated_at timestamptz, target text,
   lease text, leaving bool, position int, prepared jsonb, prepared_expires_at timestamptz, prepared_for text,
   first_commit_at timestamptz, reminded_at timestamptz)
 WHERE d.id = w.id AND d.state = w.state AND d.due_at = w.due_at AND d.updated_at = w.updated_at
   AND (d.lease_until IS NULL OR d.lease_until <= %(now)s)
   AND (NOT w.leaving OR (
     EXISTS (SELECT 1 FROM channels_channel c WHERE c.id = d.channel_id AND c.is_active)
     AND NOT EXISTS (
       SELECT 1 FROM publishing_delivery e JOIN plan_variant v ON v.id = e.variant_id
       WHERE e.channel_id = d.channel_id AND e.state IN ('queued', 'preparing', 'prepared', 'committing')
         AND e.due_at >= date_trunc('second', d.due_at)
         AND e.due_at < date_trunc('second', d.due_at) + interval '1 second'
         AND (v.position, e.id) < (w.position, d.id))))
 RETURNING d.id"""

BEHIND = """SELECT d.id FROM publishing_delivery d JOIN plan_variant o ON o.id = d.variant_id
 WHERE d.id = ANY(%s::uuid[]) AND EXISTS (
   SELECT 1 FROM publishing_delivery e JOIN plan_variant v ON v.id = e.variant_id
   WHERE e.channel_id = d.channel_id AND e.state IN ('queued', 'preparing', 'prepared', 'committing')
     AND e.due_at >= date_trunc('second', d.due_at)
     AND e.due_at < date_trunc('second', d.due_at) + interval '1 second'
     AND (v.position, e.id) < (o.position, d.id))"""

# Numbered by the statement that inserts: the deliveries' rows are ours.
ATTEMPT = """INSERT INTO publishing_attempt
 (id, delivery_id, number, step, worker, fingerprint, started_at, outcome, code, answer)
 SELECT w.id, w.delivery, COALESCE((
     SELECT a.number FROM publishing_attempt a WHERE a.delivery_id = w.delivery ORDER BY a.number DESC LIMIT 1
   ), 0) + 1, w.step, %(worker)s, w.fingerprint, %(now)s, '', '', '{}'
 FROM json_to_recordset(%(rows)s) AS w(id uuid, delivery uuid, step text, fingerprint text)"""

END = """UPDATE publishing_attempt AS a
 SET finished_at = w.at, outcome = w.outcome, code = w.code, answer = w.answer
 FROM json_to_recordset(%s) AS w(id uuid, at timestamptz, outcome text, code text, answer jsonb) WHERE a.id = w.id"""

GO_ON = """UPDATE publishing_delivery AS d
 SET state = w.target, lease_by = '', lease_until = NULL, next_try_at = w.next_try_at, updated_at = w.at,
   error_code = w.code, error_params = w.params, prepared = w.prepared, prepared_expires_at = w.prepared_expires_at,
   prepared_for = w.prepared_for, first_commit_at = w.first_commit_at, reminded_at = w.reminded_at
 FROM json_to_recordset(%s) AS w(id uuid, state text, lease text, target text, at timestamptz,
   next_try_at timestamptz, code text, params jsonb, prepared jsonb, prepared_expires_at timestamptz,
   prepared_for text, first_commit_at timestamptz, reminded_at timestamptz)
 WHERE d.id = w.id AND d.state = w.state AND d.lease_by = w.lease"""

PUBLISH = """UPDATE publishing_delivery AS d
 SET state = 'published', lease_by = '', lease_until = NULL, next_try_at = NULL, updated_at = w.at, error_code = '',
   error_params = '{}', published_at = w.out_at, confirmed_by_id = w.by, external_id = w.external_id,
   external_url = w.url, observe_next_at = CASE WHEN w.observe THEN w.at END
 FROM json_to_recordset(%s) AS w(id uuid, at timestamptz, out_at timestamptz, external_id text, url text, by uuid,
   observe bool)
 WHERE d.id = w.id AND d.state <> 'published' RETURNING d.id"""

LOCK = "SELECT id FROM publishing_delivery WHERE id = ANY(%s::uuid[]) FOR NO KEY UPDATE"
