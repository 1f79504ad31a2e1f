export const STORE_ID = `SELECT store_id FROM formula_intake.identity`

export const BOUND_QUEUE = `
SELECT queue_id AS id, queue_location AS location FROM formula_intake.identity WHERE queue_id IS NOT NULL`

export const BIND_QUEUE = `UPDATE formula_intake.identity SET queue_id = $1, queue_location = $2`

export const HAS_OPEN_ATTEMPTS = `
SELECT EXISTS (SELECT FROM formula_intake.intents WHERE state <> 'removed') AS open`

/** Changes nothing; where nothing can be changed, on a standby for instance, it fails. */
export const PROBE = `DELETE FROM formula_intake.writes WHERE id = '00000000-0000-0000-0000-000000000000'`
