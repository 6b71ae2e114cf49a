-- The walls between tenants, held by the database itself: whatever a query forgets, a transaction that was begun for
-- one tenant sees and changes that tenant's rows alone. The owner of the tables is held by them, too (FORCE).
--
-- `app.tenant` is set by each transaction for itself (SET LOCAL); `app.across` only by the door for the few questions
-- that are asked before the tenant is known, and by migrations.

DO $$
DECLARE
    name text;
    key text;
BEGIN
    FOR name, key IN
        SELECT c.relname, CASE c.relname WHEN 'tenants' THEN 'id' ELSE 'tenant_id' END
        FROM pg_class c
        WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace
            AND (c.relname = 'tenants' OR EXISTS (
                SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped))
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY own_tenant ON %I USING (%I = nullif(current_setting(''app.tenant'', true), '''')
                OR current_setting(''app.across'', true) = ''yes'')', name, key);
    END LOOP;
END $$;
