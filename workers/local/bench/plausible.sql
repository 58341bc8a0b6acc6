-- Plausible orders for benchmarks: run by fill.py, statement after statement, as superuser.

--: catalogue
INSERT INTO pools VALUES ('main');

--: catalogue
INSERT INTO locations (location, pool, name, address)
  SELECT 'loc' || n, 'main', 'Location ' || n, '{}' FROM generate_series(1, 20) n;

--: catalogue
INSERT INTO channels (channel, name, kind, pool, currencies)
  SELECT c, c, 'api', 'main', '{USD,EUR,BRL}' FROM unnest(ARRAY['shop', 'web', 'mall', 'app', 'outlet']) c;

--: catalogue
INSERT INTO products (sku, name, weight_g, length_mm, width_mm, height_mm)
  SELECT p || '-' || lpad(n::text, 4, '0'), initcap(p) || ' ' || n, 500, 200, 100, 50
  FROM unnest(%(products)s::text[]) p, generate_series(1, 700) n;

--: orders are drawn
-- One row an order with everything that is drawn. The newest two in a hundred are open. Half of the
-- people have a common name; how common, falls off steeply.
CREATE UNLOGGED TABLE drawn AS
WITH words AS MATERIALIZED (
  SELECT %(first)s::text[] AS firsts, %(last)s::text[] AS lasts, %(cities)s::text[] AS cities,
    %(syllables)s::text[] AS s
), numbers AS MATERIALIZED (
  SELECT n, random() AS a, random() AS b, random() AS c, random() AS d, random() AS e,
    random() AS f, random() AS g, random() AS h, random() AS i, random() AS j
  FROM generate_series(1, %(orders)s) n
), people AS MATERIALIZED (
  SELECT n.*, firsts[1 + floor(a * a * cardinality(firsts))::int] AS first,
    CASE WHEN b < 0.5 THEN lasts[1 + floor(c * c * cardinality(lasts))::int]
      ELSE initcap(s[1 + floor(c * 50)::int] || s[1 + floor(d * 50)::int] || s[1 + floor(b * 50)::int])
      END AS last,
    CASE WHEN e < 0.8 THEN replace(cities[1 + floor(f * f * cardinality(cities))::int], '_', ' ')
      ELSE 'Port ' || initcap(s[1 + floor(f * 50)::int] || s[1 + floor(e * 50)::int]) END AS city
  FROM numbers n CROSS JOIN words
)
SELECT n, channel, (100000 + n)::text AS external_id, channel || '-' || (100000 + n) AS order_id,
  first || ' ' || last AS name, city,
  lower(search_fold(first) || '.' || search_fold(last)) || CASE WHEN g < 0.7 THEN (n %% 997)::text ELSE '' END
    || CASE WHEN h < 0.5 THEN '@gmail.example' WHEN h < 0.8 THEN '@mail.example' ELSE '@home.example' END AS email,
  now() - make_interval(secs => (%(orders)s - n) * 63072000.0 / %(orders)s + i * 3600) AS placed_at,
  CASE WHEN j < 0.6 THEN 'USD' WHEN j < 0.9 THEN 'EUR' ELSE 'BRL' END AS currency,
  (500 + 20000 * a * b + 30000 * c * d * e * f)::bigint AS total,
  CASE WHEN n > %(orders)s * 0.98 THEN NULL WHEN g < 0.94 THEN 'delivered' WHEN g < 0.97 THEN 'cancelled'
    WHEN g < 0.98 THEN 'refused_payment' WHEN g < 0.99 THEN 'refused_stock' WHEN g < 0.995 THEN 'expired_payment'
    WHEN g < 0.999 THEN 'refused_address' ELSE 'lost' END AS outcome,
  1 + floor(d * d * 3)::int AS lines,
  'loc' || 1 + floor(h * h * 20)::int AS location, a, b, c, d, e, f, g, h, i, j
FROM people, LATERAL (SELECT CASE WHEN i < 0.5 THEN 'shop' WHEN i < 0.75 THEN 'web' WHEN i < 0.9 THEN 'mall'
  WHEN i < 0.98 THEN 'app' ELSE 'outlet' END AS channel) AS c;

--: orders
INSERT INTO orders (order_id, channel, external_id, currency, locale, total_minor, customer_name,
  customer_email, ship_to, outcome, next_step, next_deadline, placed_at, admitted_at, closed_at)
SELECT order_id, channel, external_id, currency, 'en', total, name, email,
  jsonb_build_object('name', name, 'line1', n || ' Main Street', 'line2', NULL, 'city', city,
    'region', NULL, 'postal_code', lpad((n %% 99999)::text, 5, '0'), 'country', 'US'),
  outcome, CASE WHEN outcome IS NULL THEN 'deliver' END,
  CASE WHEN outcome IS NULL THEN now() + make_interval(hours => (c * 240 - 24)::int) END,
  placed_at, placed_at, CASE WHEN outcome IS NOT NULL THEN placed_at + interval '5 days' END
FROM drawn ORDER BY n;

--: lines
INSERT INTO order_lines (order_id, line_no, sku, quantity, unit_price_minor, cancelled, shipped)
SELECT order_id, l, sku, 1, total / lines,
  CASE WHEN outcome IN ('delivered', 'lost') OR outcome IS NULL THEN 0 ELSE 1 END,
  CASE WHEN outcome IN ('delivered', 'lost') THEN 1 ELSE 0 END
FROM drawn CROSS JOIN generate_series(1, 3) l
JOIN (SELECT sku, row_number() OVER (ORDER BY md5(sku)) AS place
    FROM products) p ON place = 1 + floor((a + b * l + c) / (2 + l) * 21000)::int
WHERE l <= lines;

--: tenders
INSERT INTO tenders SELECT order_id, 1, 'card', total, currency, 'pm_' || n FROM drawn;

--: intents
INSERT INTO payment_intents (key, order_id, tender_no, verb, amount_minor, currency, state, ended_at)
SELECT order_id || ':t1:authorize:1', order_id, 1, 'authorize', total, currency, 'done', placed_at
FROM drawn WHERE outcome IS NULL OR outcome NOT LIKE 'refused%%';

--: authorizations
INSERT INTO authorizations (authorization_key, order_id, tender_no, vendor, vendor_ref, amount_minor,
  currency, state, captured_minor, refunded_minor)
SELECT order_id || ':t1:authorize:1', order_id, 1, 'stripe', 'pi_' || n, total, currency, state,
  CASE state WHEN 'taken' THEN total ELSE 0 END,
  CASE WHEN state <> 'taken' THEN 0 WHEN h < 0.01 THEN total WHEN h < 0.03 THEN total / 3 ELSE 0 END
FROM drawn, LATERAL (SELECT CASE WHEN outcome IN ('delivered', 'lost') THEN 'taken'
  WHEN outcome = 'expired_payment' THEN 'expired' WHEN outcome IS NOT NULL THEN 'voided'
  WHEN h < 0.7 THEN 'held' WHEN h < 0.9 THEN 'pending' ELSE 'taken' END AS state) AS s
WHERE outcome IS NULL OR outcome NOT LIKE 'refused%%';

--: fulfillments
INSERT INTO fulfillments (fulfillment_id, order_id, number, location, state, share_minor, tracking_status,
  next_step, next_deadline, created_at, handed_over_at, delivered_at, ended_at)
SELECT order_id || '-f1', order_id, 1, location, state, total,
  CASE WHEN state IN ('delivered', 'handed_over') THEN 'in_transit' END,
  CASE WHEN outcome IS NULL THEN 'pick' END,
  CASE WHEN outcome IS NULL THEN now() + make_interval(hours => (d * 240 - 24)::int) END, placed_at,
  CASE WHEN state IN ('handed_over', 'delivered', 'lost') THEN placed_at END,
  CASE state WHEN 'delivered' THEN placed_at END, CASE WHEN outcome IS NOT NULL THEN placed_at END
FROM drawn, LATERAL (SELECT CASE WHEN outcome = 'cancelled' THEN 'cancelled'
  WHEN outcome IS NOT NULL THEN outcome WHEN e < 0.5 THEN 'open' WHEN e < 0.6 THEN 'picked'
  ELSE 'handed_over' END AS state) AS s
WHERE outcome IS NULL OR outcome IN ('delivered', 'lost', 'cancelled');

--: parcels' lines
INSERT INTO fulfillment_lines (fulfillment_id, line_no, sku, quantity, in_return, returned)
SELECT f.fulfillment_id, l.line_no, l.sku, l.quantity,
  CASE WHEN f.state = 'delivered' AND d.f > 0.995 THEN 1 ELSE 0 END,
  CASE WHEN f.state = 'delivered' AND d.f < 0.03 THEN 1 ELSE 0 END
FROM fulfillments f JOIN order_lines l USING (order_id) JOIN drawn d USING (order_id);

--: labels
INSERT INTO labels (label_key, fulfillment_id, vendor, state, carrier, tracking_number, created_at)
SELECT f.fulfillment_id || ':label:1', f.fulfillment_id, 'easypost', 'bought', 'UPS',
  '1Z' || upper(left(md5(f.fulfillment_id), 16)), f.created_at
FROM fulfillments f WHERE f.handed_over_at IS NOT NULL;

--: exceptions
INSERT INTO exceptions (exception_id, workflow_id, order_id, step, reason, detail, owner, deadline,
  resolutions, state)
SELECT order_id || '-x1-1', 'order-' || order_id, order_id, 'pick',
  CASE WHEN b < 0.3 THEN 'pick_overdue' ELSE 'step_exhausted' END, '', 'operations',
  now() + make_interval(hours => (b * 48 - 12)::int), '{retry}', 'open'
FROM drawn WHERE outcome IS NULL AND a < 0.03;

--: holds
INSERT INTO holds (order_id, number, key, kind, blocks, owner, on_expiry, state, deadline, placed_by)
SELECT order_id, 1, 'k', CASE WHEN a < 0.5 THEN 'fraud_review' ELSE 'address_problem' END, '{routing}',
  'support', 'escalate', 'open', now() + make_interval(hours => (c * 48)::int), 'system'
FROM drawn WHERE outcome IS NULL AND b < 0.04;

--: search
INSERT INTO order_search SELECT order_id, placed_at, words FROM order_words_now ORDER BY placed_at;

--: lists
INSERT INTO word_orders (placed_at, word, order_id)
  SELECT placed_at, word, order_id FROM order_search, unnest(words) AS w(word) ORDER BY placed_at;

--: words
INSERT INTO search_words SELECT word, search_forms(word)
FROM (SELECT DISTINCT unnest(words) AS word FROM order_search) w WHERE strpos(word, '@') = 0;

--: states
INSERT INTO order_states SELECT order_id, placed_at, payment, fulfillment, returned, next_deadline
FROM order_states_now ORDER BY placed_at;
