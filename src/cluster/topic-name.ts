/** cluster: which names a topic may have. Source: Kafka's Topic class; a `.` and a `_` are the same in metric names. */
import { KafkaError } from '../../protocol/errors.ts'

const maxLength = 249

/** What is wrong with `name`, in Kafka's words; undefined: nothing. */
function problemWith(name: string): string | undefined {
  if (name === '') return 'Topic name is invalid: the empty string is not allowed'
  if (name === '.') return "Topic name is invalid: '.' is not allowed"
  if (name === '..') return "Topic name is invalid: '..' is not allowed"
  if (name.length > maxLength) {
    return `Topic name is invalid: the length of '${name}' is longer than the max allowed length ${maxLength}`
  }
  if (!/^[a-zA-Z0-9._-]+$/.test(name)) {
    return `Topic name is invalid: '${name}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'`
  }
  return undefined
}

/** @throws KafkaError INVALID_TOPIC_EXCEPTION */
export function requireValidTopicName(name: string): void {
  const problem = problemWith(name)
  if (problem !== undefined) throw new KafkaError('INVALID_TOPIC_EXCEPTION', problem)
}

export function isValidTopicName(name: string): boolean {
  return problemWith(name) === undefined
}

/** Two names with the same key collide. */
export function collisionKey(name: string): string {
  return name.replaceAll('.', '_')
}
