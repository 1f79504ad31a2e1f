import { test } from 'tap'
import { bodyOfDerivation, fieldOfChange, newChange, preview } from '../../console/views/changes.js'

const materials = [
  { name: 'Jasmine', concentration: '0.2' },
  { name: 'Linalool', concentration: '999999999999.999999999999' },
]

const change = (material: string, operation: 'add' | 'subtract' | 'set' | 'remove', amount = '') => ({
  ...newChange(),
  material,
  operation,
  amount,
})

test('a derivation is previewed exactly: changes in their order, then the factor', async (t) => {
  const changes = [change('JASMINE', 'subtract', '1'), change('jasmine ', 'add', '0.9'), change('Iris', 'set', '2.5')]
  const { outcomes, before, after } = preview(materials, { changes, scale: '0.5' })
  t.same(outcomes, [
    { name: 'Jasmine', before: '0.2', after: '0.05' },
    { name: 'Linalool', before: '999999999999.999999999999', after: '499999999999.9999999999995' },
    { name: 'Iris', before: null, after: '1.25' },
  ])
  t.same([before, after], ['1000000000000.199999999999', '500000000001.2999999999995'])
})

test('what is removed is not in the total, and what is not known yet makes the total unknown', async (t) => {
  const removed = preview(materials, { changes: [change('Linalool', 'remove')], scale: '' })
  t.match(removed.outcomes[1], { after: undefined })
  t.equal(removed.after, '0.2')
  for (const wrong of [change('Jasmine', 'add', '1,5'), change('Iris', 'add', '1'), change('Iris', 'remove')])
    t.equal(preview(materials, { changes: [wrong], scale: '' }).after, null)
  t.equal(preview(materials, { changes: [], scale: 'twice' }).after, null)
})

test('a derivation is sent as it was typed, without rows in which nothing was typed', async (t) => {
  const changes = [newChange(), change('Jasmine', 'add', '0.10'), change('Linalool', 'remove', '3')]
  const derivation = { name: 'New', changes, scale: '', notes: [] }
  const sent = [
    { material: 'Jasmine', add: '0.10' },
    { material: 'Linalool', remove: true },
  ]
  t.same(bodyOfDerivation(derivation), { name: 'New', changes: sent })
  t.same(bodyOfDerivation({ ...derivation, changes: [newChange()], scale: '2' }), { name: 'New', scale: '2' })
  t.same(
    bodyOfDerivation({ ...derivation, changes: [] }),
    { name: 'New', changes: [] },
    'the service says what is wrong',
  )
})

test('a problem of a change stands at its material or its amount', async (t) => {
  const changes = [change('Jasmine', 'add', '1'), change('Iris', 'remove')]
  const [first, second] = changes.map(({ id }) => id)
  t.equal(fieldOfChange('/changes/0/add', changes), `amount-${first}`)
  t.equal(fieldOfChange('/changes/0', changes), `material-${first}`)
  t.equal(fieldOfChange('/changes/1/remove', changes), `material-${second}`)
  t.equal(fieldOfChange('/scale', changes), 'scale')
  for (const path of ['/changes', '/changes/7', '/name', '']) t.equal(fieldOfChange(path, changes), null, path)
})
