import { expect, it } from 'vitest'
import { type Member, Members } from '../../src/runtime/members.ts'

it('members are those that came and have not gone', () => {
  const [a, b, c]: Member[] = [{ place: -1 }, { place: -1 }, { place: -1 }]
  const members = new Members<Member>()
  for (const each of [a!, b!, c!]) members.add(each)
  members.delete(a!)
  members.delete(a!)
  expect(new Set(members)).toEqual(new Set([b, c]))
  members.delete(c!)
  expect([...members]).toEqual([b])
  members.add(a!)
  expect(members.size).toBe(2)
})

it('all that were there are visited, also when they go meanwhile', () => {
  const members = new Members<Member>()
  for (let count = 0; count < 5; count += 1) members.add({ place: -1 })
  let visited = 0
  for (const each of members) {
    members.delete(each)
    visited += 1
  }
  expect([visited, members.size]).toEqual([5, 0])
})
