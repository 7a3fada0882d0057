import { addon } from './load.js'

interface Native {
  socketPair(): [number, number] | number
}

export function socketPair(): [number, number] | number {
  return addon<Native>().socketPair()
}
