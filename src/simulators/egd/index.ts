export { type EgdFaults, type EgdProducer, type ProducedExchange, startEgdProducer } from './producer.ts';
