export {
  LiveAge,
  LiveQuality,
  LiveSparkline,
  LiveValue,
  type ShownTag,
  shownValue,
  useStatusName,
} from './live-cells.tsx';
