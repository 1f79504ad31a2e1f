import { test } from 'tap'
import { errorOf, formula, formulasOf, startService } from '../support/http/service.ts'

test('formulas are listed newest first, later members of a list as newer, page by page', async (t) => {
  const { submit, get } = await startService(t)
  await submit(formula(1))
  await submit([formula(2), formula(3), formula(4)])
  await submit(formula(5))
  const names: string[] = []
  let cursor: string | null = ''
  do {
    const page = await get(`/formulas?limit=2${cursor && `&cursor=${cursor}`}`)
    names.push(...formulasOf(page).map(({ name }) => name))
    cursor = page.json().nextCursor
  } while (cursor !== null)
  t.same(names, ['Formula 5', 'Formula 4', 'Formula 3', 'Formula 2', 'Formula 1'])
})

test('a page that ends with the last formula has no next cursor', async (t) => {
  const { submit, get } = await startService(t)
  await submit([formula(1), formula(2)])
  t.equal((await get('/formulas?limit=2')).json().nextCursor, null)
})

test('a list can be narrowed to names that begin with a text', async (t) => {
  const { submit, get } = await startService(t)
  await submit([formula(1, 'Rose'), formula(2, 'Rosemary'), formula(3, 'Tulip')])
  const names = async (query: string) => formulasOf(await get(`/formulas?${query}`)).map(({ name }) => name)
  t.same(await names('name=ROSE'), ['Rosemary', 'Rose'])
  t.same(await names('name='), ['Tulip', 'Rosemary', 'Rose'])
  t.same(await names('name=x'), [])
})

test('a cursor that this list has not given is refused', async (t) => {
  const { get } = await startService(t)
  const encode = (text: string) => Buffer.from(text).toString('base64url')
  const dead = encode('dead:5')
  const bad = ['', 'x', dead, encode('formulas:'), encode('formulas:-1'), encode('formulas:05'), encode('formulas:1e1')]
  for (const cursor of [...bad, encode('formulas:99999999999999999999'), `${encode('formulas:5')}=`]) {
    const { details } = errorOf(t, await get(`/formulas?cursor=${cursor}`), 400, 'CURSOR_INVALID')
    t.match(details, [{ path: '?cursor', code: 'CURSOR_INVALID' }])
  }
  t.equal((await get(`/formulas?cursor=${encode('formulas:5')}`)).statusCode, 200)
  t.equal((await get(`/events/dead?cursor=${dead}`)).statusCode, 200)
})

test('what is not the id of a stored formula is a 404, whatever it looks like', async (t) => {
  const { get } = await startService(t)
  for (const id of ['0'.repeat(64), 'x', '%00', 'A'.repeat(64), 'x'.repeat(5000), '%F0%9F%8C%B9', '__proto__']) {
    errorOf(t, await get(`/formulas/${id}`), 404, 'FORMULA_NOT_FOUND')
  }
})
