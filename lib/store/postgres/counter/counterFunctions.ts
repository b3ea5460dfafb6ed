/**
 * Counts in the database, in one statement: what `counterWindow.ts` does in this process. `$S` is the schema. Counters are locked in the order of their keys,
 * so that no two takes wait for each other; the time is read once they are locked, and never goes back.
 */
export const counterFunctions = `
  CREATE OR REPLACE FUNCTION $S.counter_at(kind text, window_ms bigint, ms bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN kind = 'fixed' THEN ms / window_ms ELSE ms * 16 / window_ms END $$;
  CREATE OR REPLACE FUNCTION $S.counter_end(kind text, window_ms bigint, pos bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN kind = 'fixed' THEN (pos + 1) * window_ms ELSE ((pos + 17) * window_ms + 15) / 16 END $$;
  CREATE OR REPLACE FUNCTION $S.counter_shifted(slices bigint[], parts integer, shift bigint) RETURNS bigint[] LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN shift <= 0 THEN slices
      ELSE (array_fill(0::bigint, ARRAY[least(shift, parts)::integer]) || slices)[1:parts] END $$;
  CREATE OR REPLACE FUNCTION $S.counter_used(slices bigint[]) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT least(sum(part), 9007199254740991)::bigint FROM unnest(slices) AS part $$;
  CREATE OR REPLACE FUNCTION $S.counter_take(tenant text, tok text, takes jsonb, keep bigint) RETURNS jsonb LANGUAGE plpgsql VOLATILE AS $$
  DECLARE
    one jsonb; c $S.counter; pos bigint; ms bigint; cost bigint; held boolean; i integer := 0;
    times bigint[] := '{}'; windows jsonb := '[]'; refused jsonb := '[]'; uses jsonb := '[]'; now_slices bigint[];
  BEGIN
    FOR one IN SELECT value FROM jsonb_array_elements(takes) LOOP
      LOOP
        SELECT * INTO c FROM $S.counter WHERE tenant_id = tenant AND key = one->>'key' FOR UPDATE;
        EXIT WHEN FOUND;
        UPDATE $S.version SET min_reader = 6 WHERE min_reader < 6;
        ms := $S.now_ms();
        pos := $S.counter_at(one->>'kind', (one->>'windowMs')::bigint, ms);
        INSERT INTO $S.counter (tenant_id, key, kind, window_ms, position, slices, used, most, latest_ms, expires_at)
          VALUES (tenant, one->>'key', one->>'kind', (one->>'windowMs')::bigint, pos,
            array_fill(0::bigint, ARRAY[CASE WHEN one->>'kind' = 'fixed' THEN 1 ELSE 17 END]), 0, (one->>'limit')::bigint, ms,
            $S.counter_end(one->>'kind', (one->>'windowMs')::bigint, pos)) ON CONFLICT DO NOTHING;
      END LOOP;
      IF c.kind <> one->>'kind' OR c.window_ms <> (one->>'windowMs')::bigint THEN RAISE EXCEPTION 'counter_changed'; END IF;
      ms := greatest($S.now_ms(), c.latest_ms);
      pos := $S.counter_at(c.kind, c.window_ms, ms);
      now_slices := $S.counter_shifted(c.slices, cardinality(c.slices), pos - c.position);
      pos := greatest(pos, c.position);
      held := EXISTS (SELECT 1 FROM $S.counter_token WHERE tenant_id = tenant AND token = tok AND key = c.key AND expires_at > ms);
      IF NOT held AND NOT (one->>'force')::boolean AND $S.counter_used(now_slices) + (one->>'cost')::bigint > (one->>'limit')::bigint THEN
        refused := refused || jsonb_build_object('key', c.key, 'retryAtMs', $S.counter_end(c.kind, c.window_ms, pos));
      END IF;
      times := times || ms;
      windows := windows || jsonb_build_array(jsonb_build_object('held', held, 'position', pos, 'slices', to_jsonb(now_slices)));
    END LOOP;
    IF jsonb_array_length(refused) > 0 THEN RETURN jsonb_build_object('ok', false, 'refused', refused); END IF;
    FOR one IN SELECT value FROM jsonb_array_elements(takes) LOOP
      i := i + 1;
      cost := (one->>'cost')::bigint;
      held := (windows->(i - 1)->>'held')::boolean;
      pos := (windows->(i - 1)->>'position')::bigint;
      now_slices := ARRAY(SELECT value::bigint FROM jsonb_array_elements_text(windows->(i - 1)->'slices'));
      IF NOT held THEN
        now_slices[1] := least(now_slices[1] + cost, 9007199254740991);
        UPDATE $S.counter SET position = pos, slices = now_slices, used = $S.counter_used(now_slices), most = (one->>'limit')::bigint,
          latest_ms = times[i], expires_at = $S.counter_end(kind, window_ms, pos), label = one->>'label'
          WHERE tenant_id = tenant AND key = one->>'key';
        IF keep > 0 THEN
          INSERT INTO $S.counter_token (tenant_id, token, key, cost, at, expires_at) VALUES (tenant, tok, one->>'key', cost, times[i], times[i] + keep)
            ON CONFLICT (tenant_id, token, key) DO UPDATE SET cost = excluded.cost, at = excluded.at, expires_at = excluded.expires_at;
        END IF;
      END IF;
      uses := uses || to_jsonb($S.counter_used(now_slices));
    END LOOP;
    RETURN jsonb_build_object('ok', true, 'used', uses);
  END $$;
  CREATE OR REPLACE FUNCTION $S.counter_give(tenant text, tok text) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
  DECLARE t $S.counter_token; c $S.counter; pos bigint; ms bigint; part integer; now_slices bigint[];
  BEGIN
    FOR t IN WITH gone AS (DELETE FROM $S.counter_token WHERE tenant_id = tenant AND token = tok RETURNING *) SELECT * FROM gone ORDER BY key LOOP
      SELECT * INTO c FROM $S.counter WHERE tenant_id = tenant AND key = t.key FOR UPDATE;
      CONTINUE WHEN NOT FOUND OR t.expires_at <= $S.now_ms();
      ms := greatest($S.now_ms(), c.latest_ms);
      pos := greatest($S.counter_at(c.kind, c.window_ms, ms), c.position);
      now_slices := $S.counter_shifted(c.slices, cardinality(c.slices), pos - c.position);
      part := least(pos - $S.counter_at(c.kind, c.window_ms, t.at) + 1, 1000)::integer;
      IF part BETWEEN 1 AND cardinality(now_slices) AND now_slices[part] < 9007199254740991 THEN
        now_slices[part] := greatest(now_slices[part] - t.cost, 0);
      END IF;
      UPDATE $S.counter SET position = pos, slices = now_slices, used = $S.counter_used(now_slices), latest_ms = ms,
        expires_at = $S.counter_end(kind, window_ms, pos) WHERE tenant_id = tenant AND key = t.key;
    END LOOP;
  END $$;
`;
