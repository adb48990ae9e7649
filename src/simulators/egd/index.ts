export {
  EGD_FAULTS,
  type EgdFaults,
  type EgdProducer,
  type ProducedExchange,
  startEgdProducer,
} from './producer.ts';
