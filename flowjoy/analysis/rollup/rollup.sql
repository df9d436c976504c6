-- The roll-up of many services: one definition, unchanged on DuckDB and on Spark.
-- It counts, sums and ranks integers. Whatever engines disagree on (weeks, zones, statuses, quantiles, JSON) is a column
-- of the facts already, or is done by hand here. Every SUM is cast, because DuckDB widens it.
--
-- Input tables:
--   bundle_facts, event_facts and so on: what each file says, by the digest of its bytes (flowjoy/domain/facts.py)
--   files     a row for each file that was read: file, digest, repository, service, generated_at, needs_newer,
--             state (accepted, refused, or later than as-of), problem
--   expected  repository, service, team
--   calendar  the weeks of the window in each time zone: timezone, week
--   terms     one row: as_of, due_since, silent_before

-- The newest bundle of a service counts, and it alone. A copy of it changes nothing.
CREATE OR REPLACE TEMP VIEW latest AS
SELECT * FROM (
  SELECT b.*, f.file,
         ROW_NUMBER() OVER (PARTITION BY b.repository, b.service
                            ORDER BY b.generated_at DESC, b.digest DESC, f.file) AS nth
  FROM files f JOIN bundle_facts b ON b.digest = f.digest
  WHERE f.state = 'accepted') x
WHERE nth = 1;

-- Bundles that were refused, by the service whose path or content they name.
CREATE OR REPLACE TEMP VIEW refused AS
SELECT repository, service, MAX(CASE WHEN needs_newer THEN generated_at END) AS newer_at
FROM files WHERE state = 'refused' AND repository IS NOT NULL AND service IS NOT NULL
GROUP BY repository, service;

CREATE OR REPLACE TEMP VIEW roster AS
SELECT k.repository, k.service, COALESCE(e.team, '') AS team, l.digest, l.generated_at AS reported_at, l.version,
       COALESCE(l.timezone, 'UTC') AS timezone, l.running_week, l.sla_status, l.both_since,
       COALESCE(l.code_known, FALSE) AS code_known, COALESCE(l.models_known, FALSE) AS models_known,
       COALESCE(l.incidents_known, FALSE) AS incidents_known, COALESCE(l.failures_known, FALSE) AS failures_known,
       CASE WHEN l.digest IS NULL AND r.service IS NULL THEN 'never reported'
            WHEN l.digest IS NULL OR r.newer_at > l.generated_at THEN 'refused'
            WHEN l.generated_at < t.silent_before THEN 'silent'
            ELSE 'reporting' END AS voice
FROM (SELECT repository, service FROM latest
      UNION SELECT repository, service FROM expected
      UNION SELECT repository, service FROM refused) k
LEFT JOIN latest l ON l.repository = k.repository AND l.service = k.service
LEFT JOIN expected e ON e.repository = k.repository AND e.service = k.service
LEFT JOIN refused r ON r.repository = k.repository AND r.service = k.service
CROSS JOIN terms t;

-- Each service with the first week of its window.
CREATE OR REPLACE TEMP VIEW members AS
SELECT r.*, c.first_week
FROM roster r JOIN (SELECT timezone, MIN(week) AS first_week FROM calendar GROUP BY timezone) c
ON c.timezone = r.timezone;

-- What is still owed is unknown where no run has seen its deadline, or the end of its waiver, or the service is silent.
CREATE OR REPLACE TEMP VIEW owed AS
SELECT m.repository, m.service, m.team, o.model, o.deadline, o.due_week, o.met, o.missed, o.late_seconds,
       CASE WHEN o.unsettled AND (m.voice <> 'reporting' OR (o.running AND o.deadline < t.as_of)
                                  OR o.excused_until < t.as_of) THEN 'unknown'
            WHEN o.running THEN 'pending'
            ELSE o.status END AS state,
       o.status <> 'unknown' AS was_known,
       (o.deadline >= t.due_since AND o.deadline <= t.as_of) AS recent,
       (o.week >= m.first_week OR o.unsettled) AS in_scope
FROM obligation_facts o JOIN members m ON m.digest = o.digest CROSS JOIN terms t;

CREATE OR REPLACE TEMP VIEW promise_of_service AS
SELECT repository, service,
       CAST(SUM(CASE WHEN in_scope AND state = 'met' THEN 1 ELSE 0 END) AS BIGINT) AS met,
       CAST(SUM(CASE WHEN in_scope AND state = 'late' THEN 1 ELSE 0 END) AS BIGINT) AS late,
       CAST(SUM(CASE WHEN in_scope AND state = 'pending' THEN 1 ELSE 0 END) AS BIGINT) AS pending,
       CAST(SUM(CASE WHEN in_scope AND state = 'breached' THEN 1 ELSE 0 END) AS BIGINT) AS breached,
       CAST(SUM(CASE WHEN in_scope AND state = 'unknown' THEN 1 ELSE 0 END) AS BIGINT) AS unknown,
       CAST(SUM(CASE WHEN in_scope AND state = 'unknown' AND was_known THEN 1 ELSE 0 END) AS BIGINT) AS lapsed,
       CAST(SUM(CASE WHEN recent AND met THEN 1 ELSE 0 END) AS BIGINT) AS due_met,
       CAST(SUM(CASE WHEN recent AND missed THEN 1 ELSE 0 END) AS BIGINT) AS due_missed,
       MIN(CASE WHEN state = 'pending' THEN deadline END) AS next_deadline
FROM owed GROUP BY repository, service;

CREATE OR REPLACE TEMP VIEW flow_of_service AS
SELECT m.repository, m.service,
       CAST(SUM(CASE WHEN e.cadence THEN 1 ELSE 0 END) AS BIGINT) AS deploys,
       CAST(SUM(CASE WHEN e.cadence AND e.week >= m.both_since AND e.week < m.running_week THEN 1 ELSE 0 END) AS BIGINT)
         AS complete_week_deploys,
       CAST(SUM(CASE WHEN e.cadence AND e.maybe_failed THEN 1 ELSE 0 END) AS BIGINT) AS failed,
       CAST(SUM(CASE WHEN e.rework THEN 1 ELSE 0 END) AS BIGINT) AS rework
FROM event_facts e JOIN members m ON m.digest = e.digest
WHERE e.week >= m.first_week
GROUP BY m.repository, m.service;

CREATE OR REPLACE TEMP VIEW outages AS
SELECT m.repository, m.service, m.team, m.failures_known, i.week, i.seconds, i.cause_type, i.model
FROM incident_facts i JOIN members m ON m.digest = i.digest
WHERE i.week >= m.first_week AND m.incidents_known;

-- The week table of each service. A week that its last report does not cover is unknown.
CREATE OR REPLACE TEMP VIEW service_weeks AS
SELECT m.repository, m.service, m.team, c.week, m.voice,
       CASE WHEN m.running_week IS NULL OR c.week > m.running_week THEN 'unknown'
            WHEN c.week = m.running_week THEN 'partial'
            ELSE 'complete' END AS state,
       w.code_deploys, w.model_deploys, w.gap, w.model, COALESCE(w.diverges, FALSE) AS diverges, w.incidents,
       CASE WHEN w.incidents IS NOT NULL THEN COALESCE(h.resolved, 0) END AS resolved, h.resolved_seconds,
       COALESCE(d.due_met, 0) AS due_met, COALESCE(d.due_missed, 0) AS due_missed,
       COALESCE(d.due_pending, 0) AS due_pending, COALESCE(d.due_unknown, 0) AS due_unknown,
       CASE WHEN COALESCE(d.due_missed, 0) > 0 THEN 'missed'
            WHEN m.running_week IS NULL OR c.week > m.running_week OR NOT m.code_known THEN 'unknown'
            WHEN COALESCE(d.due_unknown, 0) > 0 THEN 'unknown'
            WHEN COALESCE(d.due_pending, 0) > 0 THEN 'pending'
            WHEN COALESCE(d.due_met, 0) > 0 THEN 'met'
            ELSE 'none' END AS promise
FROM members m JOIN calendar c ON c.timezone = m.timezone
LEFT JOIN week_facts w ON w.digest = m.digest AND w.week = c.week
LEFT JOIN (SELECT repository, service, week, COUNT(seconds) AS resolved, CAST(SUM(seconds) AS BIGINT) AS resolved_seconds
           FROM outages GROUP BY repository, service, week) h
  ON h.repository = m.repository AND h.service = m.service AND h.week = c.week
LEFT JOIN (SELECT repository, service, due_week,
                  CAST(SUM(CASE WHEN met THEN 1 ELSE 0 END) AS BIGINT) AS due_met,
                  CAST(SUM(CASE WHEN missed THEN 1 ELSE 0 END) AS BIGINT) AS due_missed,
                  CAST(SUM(CASE WHEN state = 'pending' THEN 1 ELSE 0 END) AS BIGINT) AS due_pending,
                  CAST(SUM(CASE WHEN state IN ('unknown', 'undetermined') AND NOT missed THEN 1 ELSE 0 END) AS BIGINT)
                    AS due_unknown
           FROM owed GROUP BY repository, service, due_week) d
  ON d.repository = m.repository AND d.service = m.service AND d.due_week = c.week;

CREATE OR REPLACE TEMP VIEW totals_of_weeks AS
SELECT s.repository, s.service,
       CAST(SUM(s.code_deploys) AS BIGINT) AS code_deploys, CAST(SUM(s.model_deploys) AS BIGINT) AS model_deploys,
       CAST(SUM(CASE WHEN s.state = 'complete' AND s.week >= m.both_since THEN 1 ELSE 0 END) AS BIGINT) AS complete_weeks,
       CAST(SUM(s.incidents) AS BIGINT) AS incidents
FROM service_weeks s JOIN members m ON m.repository = s.repository AND m.service = s.service
GROUP BY s.repository, s.service;

-- Every duration once for each row that it counts in: medians come from records, never from other medians.
CREATE OR REPLACE TEMP VIEW durations AS
SELECT repository, service, team, model, 'mttr' AS measure, seconds FROM outages WHERE seconds IS NOT NULL
UNION ALL
SELECT repository, service, team, model, 'recovery', seconds FROM outages
WHERE seconds IS NOT NULL AND failures_known AND cause_type <> 'UNATTRIBUTED'
UNION ALL
SELECT m.repository, m.service, m.team, l.model, 'lead', l.seconds
FROM lead_facts l JOIN members m ON m.digest = l.digest
WHERE l.week >= m.first_week AND m.code_known AND m.models_known;

CREATE OR REPLACE TEMP VIEW ranked AS
SELECT x.*, ROW_NUMBER() OVER (PARTITION BY level, one, two, measure ORDER BY seconds) AS k,
       COUNT(*) OVER (PARTITION BY level, one, two, measure) AS n
FROM (SELECT 'service' AS level, repository AS one, service AS two, measure, seconds FROM durations
      UNION ALL SELECT 'team', team, '', measure, seconds FROM durations
      UNION ALL SELECT 'model', model, '', measure, seconds FROM durations WHERE model IS NOT NULL
      UNION ALL SELECT 'organisation', '', '', measure, seconds FROM durations) x;

-- Linear interpolation in tenths of a second. The quantile lies q * (n - 1) / 10 values after the first.
CREATE OR REPLACE TEMP VIEW quantiles AS
SELECT level, one, two, measure, COUNT(*) AS n, CAST(SUM(seconds) AS BIGINT) AS total_seconds,
       CAST(SUM(CASE WHEN 10 * (k - 1) <= 5 * (n - 1) AND 5 * (n - 1) < 10 * k
                     THEN seconds * (10 * k - 5 * (n - 1))
                     WHEN 10 * (k - 2) < 5 * (n - 1) AND 5 * (n - 1) < 10 * (k - 1)
                     THEN seconds * (5 * (n - 1) - 10 * (k - 2))
                     ELSE 0 END) AS BIGINT) AS median_tenths,
       CAST(SUM(CASE WHEN 10 * (k - 1) <= 9 * (n - 1) AND 9 * (n - 1) < 10 * k
                     THEN seconds * (10 * k - 9 * (n - 1))
                     WHEN 10 * (k - 2) < 9 * (n - 1) AND 9 * (n - 1) < 10 * (k - 1)
                     THEN seconds * (9 * (n - 1) - 10 * (k - 2))
                     ELSE 0 END) AS BIGINT) AS p90_tenths
FROM ranked GROUP BY level, one, two, measure;

-- The durations of each service, team and model, and of all: one row each.
CREATE OR REPLACE TEMP VIEW times AS
SELECT level, one, two,
       MAX(CASE WHEN measure = 'mttr' THEN n END) AS resolved,
       MAX(CASE WHEN measure = 'mttr' THEN total_seconds END) AS resolved_seconds,
       MAX(CASE WHEN measure = 'mttr' THEN median_tenths END) AS mttr_median_tenths,
       MAX(CASE WHEN measure = 'mttr' THEN p90_tenths END) AS mttr_p90_tenths,
       COALESCE(MAX(CASE WHEN measure = 'lead' THEN n END), 0) AS leads,
       MAX(CASE WHEN measure = 'lead' THEN median_tenths END) AS lead_median_tenths,
       COALESCE(MAX(CASE WHEN measure = 'recovery' THEN n END), 0) AS recoveries,
       MAX(CASE WHEN measure = 'recovery' THEN median_tenths END) AS recovery_median_tenths
FROM quantiles GROUP BY level, one, two;

CREATE OR REPLACE TEMP VIEW services AS
SELECT m.repository, m.service, m.team, m.voice, m.reported_at, m.version,
       CASE WHEN m.voice <> 'reporting' THEN 'unknown'
            WHEN m.sla_status <> 'breached' AND p.lapsed > 0 THEN 'unknown'
            ELSE m.sla_status END AS promise,
       m.sla_status AS last_status, COALESCE(p.met, 0) AS met, COALESCE(p.late, 0) AS late,
       COALESCE(p.pending, 0) AS pending, COALESCE(p.breached, 0) AS breached, COALESCE(p.unknown, 0) AS unknown,
       COALESCE(p.due_met, 0) AS due_met, COALESCE(p.due_missed, 0) AS due_missed, p.next_deadline,
       w.code_deploys, w.model_deploys,
       CASE WHEN m.code_known AND m.models_known THEN w.complete_weeks END AS complete_weeks,
       CASE WHEN m.code_known AND m.models_known THEN COALESCE(f.complete_week_deploys, 0) END AS complete_week_deploys,
       CASE WHEN m.code_known AND m.models_known AND m.failures_known THEN COALESCE(f.deploys, 0) END AS deploys,
       CASE WHEN m.code_known AND m.models_known AND m.failures_known THEN COALESCE(f.failed, 0) END AS failed,
       CASE WHEN m.code_known AND m.models_known AND m.failures_known THEN COALESCE(f.rework, 0) END AS rework,
       w.incidents, CASE WHEN m.incidents_known THEN COALESCE(q.resolved, 0) END AS resolved, q.resolved_seconds,
       q.mttr_median_tenths, q.mttr_p90_tenths, COALESCE(q.leads, 0) AS leads, q.lead_median_tenths,
       COALESCE(q.recoveries, 0) AS recoveries, q.recovery_median_tenths
FROM members m
LEFT JOIN promise_of_service p ON p.repository = m.repository AND p.service = m.service
LEFT JOIN flow_of_service f ON f.repository = m.repository AND f.service = m.service
LEFT JOIN totals_of_weeks w ON w.repository = m.repository AND w.service = m.service
LEFT JOIN times q ON q.level = 'service' AND q.one = m.repository AND q.two = m.service;

-- Where models jam, and whom.
CREATE OR REPLACE TEMP VIEW model_services AS
SELECT model, repository, service,
       CAST(SUM(CASE WHEN met THEN 1 ELSE 0 END) AS BIGINT) AS met,
       CAST(SUM(CASE WHEN missed THEN 1 ELSE 0 END) AS BIGINT) AS missed,
       CAST(SUM(late_seconds) AS BIGINT) AS late_seconds,
       CAST(SUM(CASE WHEN state IN ('pending', 'breached') THEN 1 ELSE 0 END) AS BIGINT) AS unshipped,
       CAST(SUM(CASE WHEN state = 'breached' THEN 1 ELSE 0 END) AS BIGINT) AS breached,
       CAST(SUM(CASE WHEN state = 'unknown' THEN 1 ELSE 0 END) AS BIGINT) AS unknown,
       MIN(CASE WHEN state IN ('pending', 'breached') THEN deadline END) AS oldest_deadline
FROM owed WHERE in_scope GROUP BY model, repository, service;

CREATE OR REPLACE TEMP VIEW models AS
SELECT s.model, s.services, s.met, s.missed, s.late_seconds, s.unshipped, s.breached, s.unknown, s.oldest_deadline,
       COALESCE(e.ships, 0) AS ships, COALESCE(e.failed, 0) AS failed,
       COALESCE(q.leads, 0) AS leads, q.lead_median_tenths,
       COALESCE(q.recoveries, 0) AS recoveries, q.recovery_median_tenths
FROM (SELECT model, COUNT(*) AS services, CAST(SUM(met) AS BIGINT) AS met, CAST(SUM(missed) AS BIGINT) AS missed,
             CAST(SUM(late_seconds) AS BIGINT) AS late_seconds, CAST(SUM(unshipped) AS BIGINT) AS unshipped,
             CAST(SUM(breached) AS BIGINT) AS breached, CAST(SUM(unknown) AS BIGINT) AS unknown,
             MIN(oldest_deadline) AS oldest_deadline
      FROM model_services GROUP BY model) s
LEFT JOIN (SELECT f.model, CAST(SUM(CASE WHEN f.failed THEN 1 ELSE 0 END) AS BIGINT) AS failed, COUNT(*) AS ships
           FROM event_facts f JOIN members m ON m.digest = f.digest
           WHERE f.event_type = 'MODEL' AND f.cadence AND f.week >= m.first_week AND m.models_known
           GROUP BY f.model) e ON e.model = s.model
LEFT JOIN times q ON q.level = 'model' AND q.one = s.model;

-- The organisation is the last row. It blends services of different kinds, so it says so.
CREATE OR REPLACE TEMP VIEW teams AS
SELECT g.*, q.mttr_median_tenths, q.mttr_p90_tenths, COALESCE(q.leads, 0) AS leads, q.lead_median_tenths,
       COALESCE(q.recoveries, 0) AS recoveries, q.recovery_median_tenths
FROM (SELECT level, team, COUNT(*) AS services,
             CAST(SUM(CASE WHEN voice = 'reporting' THEN 1 ELSE 0 END) AS BIGINT) AS reporting,
             CAST(SUM(CASE WHEN promise = 'breached' THEN 1 ELSE 0 END) AS BIGINT) AS broken,
             CAST(SUM(CASE WHEN promise = 'unknown' THEN 1 ELSE 0 END) AS BIGINT) AS unknown,
             CAST(SUM(CASE WHEN promise = 'pending' THEN 1 ELSE 0 END) AS BIGINT) AS pending,
             CAST(SUM(CASE WHEN promise = 'met' THEN 1 ELSE 0 END) AS BIGINT) AS met,
             CAST(SUM(due_met) AS BIGINT) AS due_met, CAST(SUM(due_missed) AS BIGINT) AS due_missed,
             CAST(SUM(code_deploys) AS BIGINT) AS code_deploys, CAST(SUM(model_deploys) AS BIGINT) AS model_deploys,
             CAST(SUM(complete_weeks) AS BIGINT) AS complete_weeks,
             CAST(SUM(complete_week_deploys) AS BIGINT) AS complete_week_deploys,
             CAST(SUM(deploys) AS BIGINT) AS deploys, CAST(SUM(failed) AS BIGINT) AS failed,
             CAST(SUM(rework) AS BIGINT) AS rework, CAST(SUM(incidents) AS BIGINT) AS incidents,
             CAST(SUM(resolved) AS BIGINT) AS resolved, CAST(SUM(resolved_seconds) AS BIGINT) AS resolved_seconds
      FROM (SELECT v.level, CASE WHEN v.level = 'team' THEN s.team ELSE '' END AS team, s.voice, s.promise, s.due_met,
                   s.due_missed, s.code_deploys, s.model_deploys, s.complete_weeks, s.complete_week_deploys, s.deploys, s.failed,
                   s.rework, s.incidents, s.resolved, s.resolved_seconds
            FROM services s CROSS JOIN (SELECT 'team' AS level UNION ALL SELECT 'organisation') v) x
      GROUP BY level, team) g
LEFT JOIN times q ON q.level = g.level AND q.one = g.team;

CREATE OR REPLACE TEMP VIEW weeks AS
SELECT week, COUNT(*) AS services,
       CAST(SUM(CASE WHEN state <> 'unknown' THEN 1 ELSE 0 END) AS BIGINT) AS reported,
       CAST(SUM(CASE WHEN state = 'complete' THEN 1 ELSE 0 END) AS BIGINT) AS complete,
       CAST(SUM(code_deploys) AS BIGINT) AS code_deploys, CAST(SUM(model_deploys) AS BIGINT) AS model_deploys,
       CAST(SUM(due_met) AS BIGINT) AS due_met, CAST(SUM(due_missed) AS BIGINT) AS due_missed,
       CAST(SUM(due_unknown) AS BIGINT) AS due_unknown,
       CAST(SUM(incidents) AS BIGINT) AS incidents, CAST(SUM(resolved) AS BIGINT) AS resolved,
       CAST(SUM(resolved_seconds) AS BIGINT) AS resolved_seconds
FROM service_weeks GROUP BY week;

CREATE OR REPLACE TEMP VIEW coverage AS
SELECT f.file, f.repository, f.service, f.generated_at, f.digest,
       CASE WHEN f.state <> 'accepted' THEN f.state
            WHEN l.file = f.file THEN 'counted'
            WHEN l.digest = f.digest THEN 'copy'
            ELSE 'superseded' END AS state,
       f.problem
FROM files f LEFT JOIN latest l ON l.repository = f.repository AND l.service = f.service;
