-- What 0.1.0 does in its commits, with values in place of the question marks: it ends the run of alice on GPUs 0 and 1,
-- grants GPU 3 to dave, renews that, lets bob's request collect GPU 0, puts GPU 2 back into service, and carol into the
-- queue; then it drops bob's request.
BEGIN IMMEDIATE;
SELECT count(*) FROM pool;
SELECT version FROM gpus WHERE id = 0;
SELECT counter FROM pool;
UPDATE gpus SET reservation_id = NULL, last_released_ns = 1795165200000000000, version = 1001
 WHERE id = 0 AND reservation_id = '11111111-0000-4000-8000-000000000001';
INSERT INTO usage_history(end_ns, key, reservation_id, user, account, uid, type, gpu, start_ns, reason, actor)
 SELECT max(start_ns, 1795165200000000000), 1001, id, user, account, uid, type, 0, start_ns, 'released', NULL
 FROM reservations WHERE id = '11111111-0000-4000-8000-000000000001';
UPDATE gpus SET reservation_id = NULL, last_released_ns = 1795165200000000000, version = 1002
 WHERE id = 1 AND reservation_id = '11111111-0000-4000-8000-000000000001';
INSERT INTO usage_history(end_ns, key, reservation_id, user, account, uid, type, gpu, start_ns, reason, actor)
 SELECT max(start_ns, 1795165200000000000), 1002, id, user, account, uid, type, 1, start_ns, 'released', NULL
 FROM reservations WHERE id = '11111111-0000-4000-8000-000000000001';
DELETE FROM reservations WHERE id = '11111111-0000-4000-8000-000000000001'
 AND NOT EXISTS (SELECT 1 FROM gpus WHERE reservation_id = '11111111-0000-4000-8000-000000000001');
INSERT INTO reservations(id, user, account, uid, type, start_ns, heartbeat_ns, expiry_ns, deadline_ns, note, queue_id,
 host, boot_id, command_pid, command_start_ticks, supervisor_pid, supervisor_start_ticks)
 VALUES ('44444444-0000-4000-8000-000000000001', 'dave', 'dave', 1004, 'run', 1795165200000000000, 1795165200000000000,
 0, 0, NULL, NULL, 'host1', 'boot1', 400, 40000, 401, 40001);
UPDATE gpus SET reservation_id = '44444444-0000-4000-8000-000000000001', version = 1003
 WHERE id = 3 AND reservation_id IS NULL;
UPDATE gpus SET version = 1004 WHERE id = 3 AND reservation_id = '44444444-0000-4000-8000-000000000001';
UPDATE reservations SET heartbeat_ns = 1795165260000000000, expiry_ns = 0, deadline_ns = 0, note = NULL, host = 'host1',
 boot_id = 'boot1', command_pid = 400, command_start_ticks = 40000, supervisor_pid = 402, supervisor_start_ticks = 40002
 WHERE id = '44444444-0000-4000-8000-000000000001';
INSERT INTO reservations(id, user, account, uid, type, start_ns, heartbeat_ns, expiry_ns, deadline_ns, note, queue_id,
 host, boot_id, command_pid, command_start_ticks, supervisor_pid, supervisor_start_ticks)
 VALUES ('22222222-0000-4000-8000-000000000002', 'bob', 'bob', 1002, 'run', 1795165260000000000, 1795165260000000000, 0,
 0, NULL, '22222222-0000-4000-8000-000000000001', 'host1', 'boot1', 200, 20000, 201, 20001);
UPDATE gpus SET reservation_id = '22222222-0000-4000-8000-000000000002', version = 1005
 WHERE id = 0 AND reservation_id IS NULL;
UPDATE queue SET version = 1006, user = 'bob', account = 'bob', uid = 1002, type = 'run', requested_count = 2,
 duration_ns = 0, note = NULL, enqueued_ns = 1795161600000000000, heartbeat_ns = 1795165260000000000, give_up_ns = 0,
 host = 'host1', boot_id = 'boot1', command_pid = 200, command_start_ticks = 20000, supervisor_pid = 201,
 supervisor_start_ticks = 20001 WHERE id = '22222222-0000-4000-8000-000000000001';
DELETE FROM queue_gpus WHERE queue_id = '22222222-0000-4000-8000-000000000001';
INSERT INTO queue_gpus(queue_id, role, gpu) VALUES ('22222222-0000-4000-8000-000000000001', 'collected', 0);
UPDATE gpus SET drained_by = NULL, drained_ns = 0, version = 1007 WHERE id = 2;
INSERT INTO queue(version, user, account, uid, type, requested_count, duration_ns, note, enqueued_ns, heartbeat_ns,
 give_up_ns, host, boot_id, command_pid, command_start_ticks, supervisor_pid, supervisor_start_ticks, id) VALUES (1008,
 'carol', 'carol', 1003, 'manual', 1, 3600000000000, 'a note', 1795165260000000000, 1795165260000000000, 0, 'host1',
 'boot1', 300, 30000, 0, 0, '33333333-0000-4000-8000-000000000001');
INSERT INTO queue_gpus(queue_id, role, gpu) VALUES ('33333333-0000-4000-8000-000000000001', 'requested', 2);
UPDATE pool SET counter = 1008;
COMMIT;
BEGIN IMMEDIATE;
SELECT version FROM queue WHERE id = '22222222-0000-4000-8000-000000000001';
DELETE FROM queue WHERE id = '22222222-0000-4000-8000-000000000001';
UPDATE pool SET counter = 1008;
COMMIT;
