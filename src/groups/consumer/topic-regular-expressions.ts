/**
 * groups/consumer: regular expressions that members subscribe by: RE2, as in Kafka, which matches in a time that is linear in the
 * length of the topic's name, whatever the expression.
 */
import type { RE2JS } from 're2js'
import { KafkaError } from '../../../protocol/errors.ts'
import type { Clock } from '../../runtime/clock.ts'
import { re2 } from '../../runtime/re2.ts'
import { nextTurn } from '../../runtime/turns.ts'

/** What stands in a key of `__consumer_offsets` has a length of 16 bits. */
const maxBytes = 32_767
/** Instructions of the compiled expression: matching one name takes as many steps for each of its characters. */
const maxProgramSize = 20_000
/** Character classes: each is worked out over all of Unicode when the expression is read, which takes long for letters of either case. */
const maxClasses = 1_000
const maxClassesOfEitherCase = 64
/** Names are matched for so long at a time; then other work has its turn. */
const sliceMs = 5

/** `what` names it in the error. @throws KafkaError INVALID_REGULAR_EXPRESSION */
export function requireRegularExpression(text: string, what = 'SubscribedTopicRegex'): void {
  const refuse = (problem: string): never => {
    const message = `${what} \`${text}\` is not a valid regular expression: ${problem}.`
    throw new KafkaError('INVALID_REGULAR_EXPRESSION', message)
  }
  if (Buffer.byteLength(text) > maxBytes) refuse(`it is longer than ${maxBytes} bytes`)
  const classes = text.match(/\[|\\[pP]/g)?.length ?? 0
  if (classes > (/\(\?\w*i/.test(text) ? maxClassesOfEitherCase : maxClasses))
    refuse('it has too many character classes')
  try {
    if (re2().RE2JS.compile(text).programSize() > maxProgramSize) refuse('it is too complex')
  } catch (error) {
    if (!(error instanceof re2().RE2JSSyntaxException)) throw error
    refuse(error.getDescription())
  }
}

/** The topics that match each of `texts` as a whole. One that can't be read matches none. */
export async function matchingTopics(
  texts: Iterable<string>,
  topics: Iterable<string>,
  clock: Clock,
): Promise<Map<string, Set<string>>> {
  const patterns = Array.from(texts, (text) => ({ text, pattern: compiled(text), matching: new Set<string>() }))
  let sliceEndMs = clock.monotonicMs() + sliceMs
  for (const topic of topics) {
    for (const { pattern, matching } of patterns) if (pattern?.matches(topic)) matching.add(topic)
    if (clock.monotonicMs() < sliceEndMs) continue
    await nextTurn()
    sliceEndMs = clock.monotonicMs() + sliceMs
  }
  return new Map(patterns.map(({ text, matching }) => [text, matching]))
}

/** It was checked when the member came with it; another broker may have taken more. */
function compiled(text: string): RE2JS | undefined {
  try {
    return re2().RE2JS.compile(text)
  } catch (error) {
    if (error instanceof re2().RE2JSSyntaxException) return undefined
    throw error
  }
}
