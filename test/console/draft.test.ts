import { test } from 'tap'
import { bodyOf, fieldOf, filledRows, KeyOfDraft, newDraft, repeatedKey } from '../../console/views/draft.js'

test('a draft that is sent again keeps its key; one that was changed or stored gets another', async (t) => {
  const key = new KeyOfDraft()
  const body = { name: 'Rose' }
  const first = key.keyFor(body)
  t.match(first, /^console-[\da-f]{32}$/)
  t.equal(key.keyFor({ name: 'Rose' }), first)
  const changed = key.keyFor({ name: 'Rosé' })
  t.not(changed, first)
  key.finish()
  t.not(key.keyFor({ name: 'Rosé' }), changed)
})

test('concentrations are sent as they were typed', async (t) => {
  const draft = { name: 'Rose', rows: [{ id: 1, name: 'Linalool', concentration: '0.1000000000000000055' }], notes: [] }
  t.same(bodyOf(draft), { name: 'Rose', materials: [{ name: 'Linalool', concentration: '0.1000000000000000055' }] })
})

test('rows in which nothing was typed are not sent, and do not shift the places of others', async (t) => {
  const typed = { id: 2, name: 'Linalool', concentration: '1' }
  const rows = [{ id: 1, name: ' ', concentration: '' }, typed, { id: 3, name: '', concentration: '2' }]
  t.match(bodyOf({ name: 'Rose', rows, notes: [] }).materials, [{ name: 'Linalool' }, { concentration: '2' }])
  t.equal(fieldOf('/materials/1/name', filledRows(rows)), 'name-3')
  const empty = newDraft()
  t.equal(bodyOf(empty).materials.length, 1, 'the service then says what the first field lacks')
})

test('a place in the body is shown at the field that was sent there', async (t) => {
  const { rows } = newDraft()
  const [first, second] = rows.map(({ id }) => id)
  t.equal(fieldOf('/name', rows), 'name')
  t.equal(fieldOf('/materials/1/concentration', rows), `concentration-${second}`)
  t.equal(fieldOf('/materials/0/name', rows), `name-${first}`)
  t.equal(fieldOf('/materials/1', rows), `name-${second}`, 'a material as a whole: at its name')
  for (const path of ['', '/materials', '/materials/2/name', 'Idempotency-Key'])
    t.equal(fieldOf(path, rows), null, path)
})

test('metadata is sent where there is some, and its problems stand at the key', async (t) => {
  const notes = [
    { id: 1, key: '', value: '' },
    { id: 2, key: 'cas/1', value: '78-70-6' },
  ]
  t.same(bodyOf({ ...newDraft(), notes }).metadata, { 'cas/1': '78-70-6' })
  t.notOk('metadata' in bodyOf(newDraft()))
  t.equal(fieldOf('/metadata/cas~11', [], notes), 'key-2')
  t.equal(repeatedKey(notes), null)
  t.equal(repeatedKey([...notes, { id: 3, key: 'cas/1', value: '' }]), 'key-3', 'an object would hold one of them')
})
